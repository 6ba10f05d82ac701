/* api/errors.c - codes, their sentences, and the version. */
#include <weft.h>

#include "support/crit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

TestSuite(errors, .timeout = 120);

static const int own[] = {
	WEFT_EPANIC, WEFT_EOF, WEFT_EAI_ADDRFAMILY, WEFT_EAI_AGAIN,
	WEFT_EAI_BADFLAGS, WEFT_EAI_FAIL, WEFT_EAI_FAMILY, WEFT_EAI_NODATA,
	WEFT_EAI_NONAME, WEFT_EAI_OVERFLOW, WEFT_EAI_SERVICE,
	WEFT_EAI_SOCKTYPE,
	WEFT_ETLS,
	WEFT_ETLS_TRUNCATED,
	WEFT_ETLS_UNTRUSTED,
	WEFT_ETLS_HOST,
	WEFT_ETLS_EXPIRED,
	WEFT_ETLS_ALERT,
	WEFT_ETLS_ALPN,
	WEFT_ETLS_CERT,
	WEFT_ETLS_CA,
};
#define OWN (sizeof(own) / sizeof(own[0]))

Test(errors, own_codes_lie_below_every_errno_and_differ)
{
	for (size_t i = 0; i < OWN; i++) {
		cr_expect_lt(own[i], -4095);
		for (size_t j = 0; j < i; j++) {
			cr_expect_neq(own[i], own[j]);
			cr_expect(strcmp(weft_strerror(own[i]),
					 weft_strerror(own[j])) != 0);
		}
	}
}

Test(errors, every_code_of_the_interface_has_its_sentence)
{
	static const int codes[] = {
		EPIPE, EAGAIN, ETIMEDOUT, ECANCELED, EINVAL, ENOMEM, ESRCH,
		EDEADLK, EALREADY, EPERM, EBUSY, EBADF,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const char *s = weft_strerror(-codes[i]);

		cr_assert_not_null(s);
		cr_expect_str_neq(s, "unknown error");
	}
	for (size_t i = 0; i < OWN; i++)
		cr_expect_str_neq(weft_strerror(own[i]), "unknown error");
	cr_expect_str_eq(weft_strerror(0), "success");
}

Test(errors, what_is_no_code_is_unknown)
{
	static const int wrong[] = {
		1, EPIPE, INT_MAX, INT_MIN, INT_MIN + 1, -4095, -4096, -5000,
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_str_eq(weft_strerror(wrong[i]), "unknown error");
}

Test(errors, a_sentence_is_static_and_errno_is_left_alone)
{
	const char *s = weft_strerror(-EPIPE);

	errno = 1234;
	weft_strerror(-ENOMEM);
	cr_expect(weft_strerror(-EPIPE) == s);
	cr_expect_eq(errno, 1234);
}

Test(errors, the_version_is_that_of_the_headers)
{
	char text[64];

	snprintf(text, sizeof(text), "%d.%d.%d", WEFT_VERSION_MAJOR,
		 WEFT_VERSION_MINOR, WEFT_VERSION_PATCH);
	cr_expect_str_eq(text, WEFT_VERSION);
	cr_expect_str_eq(weft_version(), WEFT_VERSION);
	cr_expect_eq(WEFT_VERSION_NUMBER,
		     WEFT_VERSION_MAJOR * 1000000 + WEFT_VERSION_MINOR * 1000 +
			     WEFT_VERSION_PATCH);
}
