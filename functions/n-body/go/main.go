// Command go moves the Sun and its four large planets, in Go.
package main

import (
	"math"
	"strconv"

	"github.com/nebula-bench/nebula/functions/protocol"
)

const (
	solarMass = 4 * math.Pi * math.Pi
	year      = 365.24 // in days
	step      = 0.01   // in years
)

// body has its place in astronomical units, its speed in those per year, and
// its mass such that the Sun has 4π².
type body struct{ x, y, z, vx, vy, vz, mass float64 }

type bodies [5]body

// system gives the bodies of the benchmarks game: the Sun, Jupiter, Saturn,
// Uranus and Neptune, with the momentum of the whole at zero.
func system() *bodies {
	b := &bodies{
		{mass: solarMass},
		{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
			1.66007664274403694e-03 * year, 7.69901118419740425e-03 * year, -6.90460016972063023e-05 * year, 9.54791938424326609e-04 * solarMass},
		{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
			-2.76742510726411904e-03 * year, 4.99852801234917238e-03 * year, 2.30417297573763929e-05 * year, 2.85885980666130812e-04 * solarMass},
		{1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
			2.96460137564761618e-03 * year, 2.37847173959480950e-03 * year, -2.96589568540237556e-05 * year, 4.36624404335156298e-05 * solarMass},
		{1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
			2.68067772490389322e-03 * year, 1.62824170038242295e-03 * year, -9.51592254519715870e-05 * year, 5.15138902046611451e-05 * solarMass},
	}
	var px, py, pz float64
	for i := range b {
		px += b[i].vx * b[i].mass
		py += b[i].vy * b[i].mass
		pz += b[i].vz * b[i].mass
	}
	b[0].vx, b[0].vy, b[0].vz = -px/solarMass, -py/solarMass, -pz/solarMass
	return b
}

func (b *bodies) advance() {
	for i := range b {
		p := &b[i]
		for j := i + 1; j < len(b); j++ {
			q := &b[j]
			dx, dy, dz := p.x-q.x, p.y-q.y, p.z-q.z
			d2 := dx*dx + dy*dy + dz*dz
			pull := step / (d2 * math.Sqrt(d2))
			p.vx -= dx * q.mass * pull
			p.vy -= dy * q.mass * pull
			p.vz -= dz * q.mass * pull
			q.vx += dx * p.mass * pull
			q.vy += dy * p.mass * pull
			q.vz += dz * p.mass * pull
		}
	}
	for i := range b {
		p := &b[i]
		p.x += step * p.vx
		p.y += step * p.vy
		p.z += step * p.vz
	}
}

func (b *bodies) energy() float64 {
	e := 0.0
	for i := range b {
		p := &b[i]
		e += 0.5 * p.mass * (p.vx*p.vx + p.vy*p.vy + p.vz*p.vz)
		for j := i + 1; j < len(b); j++ {
			q := &b[j]
			dx, dy, dz := p.x-q.x, p.y-q.y, p.z-q.z
			e -= p.mass * q.mass / math.Sqrt(dx*dx+dy*dy+dz*dz)
		}
	}
	return e
}

func main() {
	protocol.Serve(func(request []byte) ([]byte, error) {
		n, err := protocol.Number(request, 0, 50_000_000)
		if err != nil {
			return nil, err
		}
		b := system()
		answer := append(strconv.AppendFloat(nil, b.energy(), 'f', 9, 64), '\n')
		for range n {
			b.advance()
		}
		return strconv.AppendFloat(answer, b.energy(), 'f', 9, 64), nil
	})
}
