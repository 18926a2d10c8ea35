// The spectral norm of a matrix, in C.
#include <math.h>

#include "nebula.h"

#define MOST 5500

static double u[MOST], v[MOST], between[MOST];

// a is an element of the matrix, which is never stored.
static double a(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

// times sets to to the matrix times from.
static void times(int n, double *to, const double *from) {
	for (int i = 0; i < n; i++) {
		double sum = 0;
		for (int j = 0; j < n; j++)
			sum += a(i, j) * from[j];
		to[i] = sum;
	}
}

// times_transposed sets to to the transposed matrix times from.
static void times_transposed(int n, double *to, const double *from) {
	for (int i = 0; i < n; i++) {
		double sum = 0;
		for (int j = 0; j < n; j++)
			sum += a(j, i) * from[j];
		to[i] = sum;
	}
}

// norm is the power method, ten times.
static double norm(int n) {
	for (int i = 0; i < n; i++)
		u[i] = 1;
	for (int i = 0; i < 10; i++) {
		times(n, between, u);
		times_transposed(n, v, between);
		times(n, between, v);
		times_transposed(n, u, between);
	}
	double uv = 0, vv = 0;
	for (int i = 0; i < n; i++) {
		uv += u[i] * v[i];
		vv += v[i] * v[i];
	}
	return sqrt(uv / vv);
}

static int answer(const char *request, size_t length, struct nebula_answer *out) {
	uint64_t n;
	if (nebula_number(request, length, 1, MOST, &n) != 0)
		return 1;
	nebula_append_fixed(out, norm((int)n), 9);
	return 0;
}

int main(void) { return nebula_serve(answer); }
