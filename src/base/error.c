/* SPDX-License-Identifier: MIT */
/* base/error.c - a sentence for every code that a call of weft can return.
 *
 * Negative errno values take the C library's untranslated text, which is
 * static, thread-safe and async-signal-safe; our own codes lie below every
 * errno and have theirs here.
 */
#include "base/base.h"

#include <string.h>

#include <weft/base.h>
#include <weft/version.h>

#define ERRNO_MAX 4095

const char *weft_strerror(int err)
{
	const char *text = NULL;

	switch (err) {
	case 0:
		return "success";
	case WEFT_EPANIC:
		return "routine panicked";
	case WEFT_EOF:
		return "unexpected end of stream";
	case WEFT_EAI_ADDRFAMILY:
		return "host has no address of this family";
	case WEFT_EAI_AGAIN:
		return "temporary failure in name resolution";
	case WEFT_EAI_BADFLAGS:
		return "bad flags for name resolution";
	case WEFT_EAI_FAIL:
		return "permanent failure in name resolution";
	case WEFT_EAI_FAMILY:
		return "address family not supported";
	case WEFT_EAI_NODATA:
		return "host has no address";
	case WEFT_EAI_NONAME:
		return "host or service not known";
	case WEFT_EAI_OVERFLOW:
		return "name too long for its buffer";
	case WEFT_EAI_SERVICE:
		return "service not supported for this socket type";
	case WEFT_EAI_SOCKTYPE:
		return "socket type not supported";
	case WEFT_ETLS:
		return "TLS protocol violated";
	case WEFT_ETLS_TRUNCATED:
		return "TLS stream ended without notice";
	case WEFT_ETLS_UNTRUSTED:
		return "certificate not trusted";
	case WEFT_ETLS_HOST:
		return "certificate belongs to another host";
	case WEFT_ETLS_EXPIRED:
		return "certificate expired or not yet valid";
	case WEFT_ETLS_ALERT:
		return "TLS peer sent an alert";
	case WEFT_ETLS_ALPN:
		return "no application protocol in common";
	case WEFT_ETLS_CERT:
		return "certificate or key unusable";
	case WEFT_ETLS_CA:
		return "trusted certificates unusable";
	default:
		break;
	}
	if (err < 0 && err >= -ERRNO_MAX)
		text = strerrordesc_np(-err);
	return text ? text : "unknown error";
}

const char *weft_version(void)
{
	return WEFT_VERSION;
}
