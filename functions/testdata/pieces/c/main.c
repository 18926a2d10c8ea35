// Answers with its request, piece by piece, so that the answer must grow.
#include "nebula.h"

static int echo(const char *request, size_t length, struct nebula_answer *answer) {
	if (request[length] != 0)
		return nebula_refuse("no 0 byte behind the request");
	while (length > 0) {
		size_t n = length < 1000 ? length : 1000;
		nebula_append(answer, request, n);
		request += n;
		length -= n;
	}
	return 0;
}

int main(void) { return nebula_serve(echo); }
