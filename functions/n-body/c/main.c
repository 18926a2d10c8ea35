// The Sun and its four large planets, in C.
#include <math.h>

#include "nebula.h"

#pragma STDC FP_CONTRACT OFF

#define BODIES 5
#define SOLAR_MASS (4 * 3.141592653589793 * 3.141592653589793)
#define YEAR 365.24 // in days
#define STEP 0.01   // in years

// body has its place in astronomical units, its speed in those per year, and
// its mass such that the Sun has 4π².
struct body {
	double x, y, z, vx, vy, vz, mass;
};

// The bodies of the benchmarks game: the Sun, Jupiter, Saturn, Uranus and
// Neptune.
static const struct body beginning[BODIES] = {
	{0, 0, 0, 0, 0, 0, SOLAR_MASS},
	{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
	 1.66007664274403694e-03 * YEAR, 7.69901118419740425e-03 * YEAR, -6.90460016972063023e-05 * YEAR, 9.54791938424326609e-04 * SOLAR_MASS},
	{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
	 -2.76742510726411904e-03 * YEAR, 4.99852801234917238e-03 * YEAR, 2.30417297573763929e-05 * YEAR, 2.85885980666130812e-04 * SOLAR_MASS},
	{1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
	 2.96460137564761618e-03 * YEAR, 2.37847173959480950e-03 * YEAR, -2.96589568540237556e-05 * YEAR, 4.36624404335156298e-05 * SOLAR_MASS},
	{1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
	 2.68067772490389322e-03 * YEAR, 1.62824170038242295e-03 * YEAR, -9.51592254519715870e-05 * YEAR, 5.15138902046611451e-05 * SOLAR_MASS},
};

// begin sets the momentum of the whole to zero.
static void begin(struct body *b) {
	double px = 0, py = 0, pz = 0;
	memcpy(b, beginning, sizeof beginning);
	for (int i = 0; i < BODIES; i++) {
		px += b[i].vx * b[i].mass;
		py += b[i].vy * b[i].mass;
		pz += b[i].vz * b[i].mass;
	}
	b[0].vx = -px / SOLAR_MASS, b[0].vy = -py / SOLAR_MASS, b[0].vz = -pz / SOLAR_MASS;
}

static void advance(struct body *b) {
	for (int i = 0; i < BODIES; i++) {
		struct body *p = &b[i];
		for (int j = i + 1; j < BODIES; j++) {
			struct body *q = &b[j];
			double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
			double d2 = dx * dx + dy * dy + dz * dz;
			double pull = STEP / (d2 * sqrt(d2));
			p->vx -= dx * q->mass * pull;
			p->vy -= dy * q->mass * pull;
			p->vz -= dz * q->mass * pull;
			q->vx += dx * p->mass * pull;
			q->vy += dy * p->mass * pull;
			q->vz += dz * p->mass * pull;
		}
	}
	for (int i = 0; i < BODIES; i++) {
		b[i].x += STEP * b[i].vx;
		b[i].y += STEP * b[i].vy;
		b[i].z += STEP * b[i].vz;
	}
}

static double energy(const struct body *b) {
	double e = 0;
	for (int i = 0; i < BODIES; i++) {
		const struct body *p = &b[i];
		e += 0.5 * p->mass * (p->vx * p->vx + p->vy * p->vy + p->vz * p->vz);
		for (int j = i + 1; j < BODIES; j++) {
			const struct body *q = &b[j];
			double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
			e -= p->mass * q->mass / sqrt(dx * dx + dy * dy + dz * dz);
		}
	}
	return e;
}

static int answer(const char *request, size_t length, struct nebula_answer *out) {
	struct body b[BODIES];
	uint64_t n;
	if (nebula_number(request, length, 0, 50000000, &n) != 0)
		return 1;
	begin(b);
	nebula_append_fixed(out, energy(b), 9);
	nebula_append(out, "\n", 1);
	for (; n > 0; n--)
		advance(b);
	nebula_append_fixed(out, energy(b), 9);
	return 0;
}

int main(void) { return nebula_serve(answer); }
