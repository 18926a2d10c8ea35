// The product of two matrices, in C.
#include "nebula.h"

// multiply sets c to a times b, square matrices with n rows.
static void multiply(double *restrict c, const double *restrict a, const double *restrict b, int n) {
	memset(c, 0, sizeof *c * (size_t)(n * n));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++) {
			double f = a[i * n + k];
			for (int j = 0; j < n; j++)
				c[i * n + j] += f * b[k * n + j];
		}
}

// checksum weighs each element by its place. The elements are whole numbers,
// so every sum is exact, in whatever order it is made.
static int64_t checksum(int n) {
	static struct nebula_answer memory; // for all three, and for the next request
	nebula_grow(&memory, 3 * sizeof(double) * (size_t)(n * n));
	double *a = (double *)(void *)memory.bytes, *b = a + n * n, *c = b + n * n;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			a[i * n + j] = (i * j + i) % 11 - 5;
			b[i * n + j] = (i + 3 * j) % 13 - 6;
		}
	multiply(c, a, b, n);
	int64_t sum = 0;
	for (int at = 0; at < n * n; at++)
		sum += (int64_t)c[at] * (at % 17 + 1);
	return sum;
}

static int answer(const char *request, size_t length, struct nebula_answer *out) {
	uint64_t n;
	if (nebula_number(request, length, 1, 1000, &n) != 0)
		return 1;
	int64_t sum = checksum((int)n);
	if (sum < 0)
		nebula_append(out, "-", 1);
	nebula_append_number(out, (uint64_t)(sum < 0 ? -sum : sum));
	return 0;
}

int main(void) { return nebula_serve(answer); }
