package reports

// runPage is what the template of a run's page gets: one field for each
// section, in the order of the page. A section has its own Go file, and its
// own template in web/run.
type runPage struct {
	frame
	Head         head
	Alerts       []caveatView // what must be known before the first verdict
	Answers      answers
	Caveats      []caveatView
	Chosen       *chosenView
	Measurements *measurements
	Cells        []cellsOf
	Definitions  definitions
	Again        again
	Environment  environment
}

// newRunPage makes the page of a run. The raw records lie at the address raw.
func newRunPage(s *Summary, raw string, hosted bool) (*runPage, error) {
	above, below := split(s.Caveats)
	ms, err := newMeasurements(s, hosted)
	if err != nil {
		return nil, err
	}
	return &runPage{
		frame:        newFrame(s.Experiment+" · "+s.Run, "../../../", hosted),
		Head:         newHead(s),
		Alerts:       caveatViews(above),
		Answers:      newAnswers(s),
		Caveats:      caveatViews(below),
		Chosen:       chosen(s),
		Measurements: ms,
		Cells:        newCells(s),
		Definitions:  newDefinitions(s),
		Again:        newAgain(s, raw),
		Environment:  newEnvironment(&s.run),
	}, nil
}
