package results

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"time"
)

// BlocksFile holds what others did on the machine while trials ran: one record
// for each stretch between two blocks at which Nebula looked. It comes with its
// first record, and a machine that shows nothing of that has none.
const BlocksFile = "blocks.jsonl"

// Block is one of its records. What the machine does not show is absent.
type Block struct {
	// Block and To are the first and the last block of the stretch: blocks that
	// take less time than the kernel's counters can tell are looked at together.
	// They are absent where a run has no blocks, but one cell after the other.
	Block int       `json:"block,omitempty"`
	To    int       `json:"to,omitempty"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Others is the share of the processors' time that programs took which have
	// no part in the run, and Stolen the share that the hypervisor gave away.
	Others    *float64 `json:"others,omitempty"`
	Stolen    *float64 `json:"stolen,omitempty"`
	Throttled *int64   `json:"throttled,omitempty"` // times
	Swapped   *int64   `json:"swapped,omitempty"`   // pages
}

// Len is how many blocks the stretch holds; 1 where there are none.
func (b *Block) Len() int { return b.To - b.Block + 1 }

func (b *Block) check() error {
	switch {
	case b.Block < 0 || b.To < b.Block || b.Block == 0 && b.To > 0:
		return errors.New("blocks count from 1, and the last is not before the first")
	case b.End.Before(b.Start):
		return errors.New("it ends before it starts")
	}
	for _, share := range []*float64{b.Others, b.Stolen} {
		if share != nil && !(*share >= 0 && *share <= 1) {
			return fmt.Errorf("a share of the processors' time is %v", *share)
		}
	}
	for _, n := range []*int64{b.Throttled, b.Swapped} {
		if n != nil && *n < 0 {
			return fmt.Errorf("a count is %d", *n)
		}
	}
	return errors.Join(checkTime(&b.Start), checkTime(&b.End))
}

// Block appends one record of a stretch.
func (w *Writer) Block(b *Block) error { return w.later(&w.blocks, BlocksFile, b) }

// Blocks yields the records of stretches in the order in which they were
// written; none where the run is older than they are. It stops at the first
// that cannot be read.
func (f *Folder) Blocks() iter.Seq2[*Block, error] {
	return readFile(filepath.Join(f.Dir, BlocksFile), aBlock, true, newBlock)
}

const aBlock = "a record of blocks"

func newBlock() *Block { return &Block{} }
