package reports

// runPage is what the template of a run's page gets: one field for each
// section, in the order of the page. A section has its own Go file, and its
// own template in web/run.
type runPage struct {
	frame
	Head         head
	Thresholds   []caveatView // whether they hold
	Alerts       []caveatView // what must be known before the first verdict
	Answers      answers
	Caveats      []caveatView
	Chosen       *chosenView
	Legend       legend
	Ratios       *ratios
	Cells        *table
	Measurements *measurements
	Energy       *energySection
	Published    []publication
	Threats      []threat
	Definitions  definitions
	Again        again
	Environment  environment
}

// newRunPage makes the page of a run. The raw records lie at the address raw.
func newRunPage(s *Summary, raw string, from library) (*runPage, error) {
	above, below := split(s.Caveats)
	ms := marks(s.ran())
	fs, err := newFilters(s, ms)
	if err != nil {
		return nil, err
	}
	rs, err := newRatios(s, ms)
	if err != nil {
		return nil, err
	}
	figures, err := newMeasurements(s, ms)
	if err != nil {
		return nil, err
	}
	energy, err := newEnergySection(s, ms)
	if err != nil {
		return nil, err
	}
	published, err := newPublications(s, ms)
	if err != nil {
		return nil, err
	}
	return &runPage{
		frame:        newFrame(s.Experiment+" · "+s.Run, "../../../", from),
		Head:         newHead(s),
		Thresholds:   thresholdViews(s.Thresholds),
		Alerts:       caveatViews(above),
		Answers:      newAnswers(s),
		Caveats:      caveatViews(below),
		Chosen:       chosen(s),
		Legend:       legend{ms, fs, from == onNetwork, echartsVersion},
		Ratios:       rs,
		Cells:        newCells(s),
		Measurements: figures,
		Energy:       energy,
		Published:    published,
		Threats:      newThreats(s),
		Definitions:  newDefinitions(s),
		Again:        newAgain(s, raw, from == inPage),
		Environment:  newEnvironment(s),
	}, nil
}

// legend stands above all charts, with the filters.
type legend struct {
	Marks   []mark
	Filters *filters
	Hosted  bool // the chart library comes from the network
	Version string
}
