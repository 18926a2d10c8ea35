// Fibonacci numbers by plain recursion, in C.
#include "nebula.h"

static uint64_t fibonacci(unsigned n) {
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static int answer(const char *request, size_t length, struct nebula_answer *out) {
	const char *p = request, *end = request + length;
	while (p < end && is_space(*p))
		p++;
	while (end > p && is_space(end[-1]))
		end--;
	if (p == end)
		return nebula_refuse("fibonacci: the request must be a decimal number from 0 to 93");
	unsigned n = 0;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || (n = n * 10 + (unsigned)(*p - '0')) > 93)
			return nebula_refuse("fibonacci: the request must be a decimal number from 0 to 93");
	}
	nebula_append_number(out, fibonacci(n));
	return 0;
}

int main(void) { return nebula_serve(answer); }
