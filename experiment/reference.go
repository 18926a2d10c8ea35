package experiment

// Reference is what somebody else has published, to stand beside what was
// measured here. It is data with a source and a definition: it enters no
// statistic, and no verdict is made of it.
type Reference struct {
	Name       string
	Source     string // who, what, where, when
	Definition string // what the published numbers are
	File       string // as written in the experiment
	Figures    []Published
	// As says which of our cells a column of the publication stands beside:
	// a pattern of backend/start, such as docker.*/cold.
	As map[string]string `json:",omitempty"`
}

// Published is one line of a publication: a metric on a machine, with a
// value for each column.
type Published struct {
	Machine string
	Metric  string // a metric of ours, or thesis_total or energy
	// Values are in nanoseconds, or joules where the metric is energy.
	Values map[string]float64
	Ratio  float64 `json:",omitempty"` // as published; 0: none was
}

// Beside reports whether a column stands beside cells of a backend and start.
func (r *Reference) Beside(column, backend string, start Start) bool {
	pattern, ok := r.As[column]
	return ok && Match(pattern, backend+"/"+string(start))
}
