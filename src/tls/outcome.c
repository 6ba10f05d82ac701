/* tls/outcome.c - what OpenSSL says, in the codes of weft. */
#include "tls/connection.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#ifndef SSL_R_UNEXPECTED_EOF_WHILE_READING
#define SSL_R_UNEXPECTED_EOF_WHILE_READING 294
#endif

static int of_verification(weft_tls *t)
{
	long why = SSL_get_verify_result(t->ssl);

	snprintf(t->error, sizeof t->error, "%s",
		 X509_verify_cert_error_string(why));
	switch (why) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return WEFT_ETLS_HOST;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return WEFT_ETLS_EXPIRED;
	case X509_V_ERR_OUT_OF_MEM:
		return -ENOMEM;
	default:
		return WEFT_ETLS_UNTRUSTED;
	}
}

/* Of the oldest error in the queue: later ones say what it led to. */
static int of_queue(weft_tls *t)
{
	unsigned long first = ERR_peek_error();
	int reason = ERR_GET_REASON(first);
	const char *text = ERR_reason_error_string(first);

	snprintf(t->error, sizeof t->error, "%s",
		 text ? text : "unknown TLS error");
	if (reason == ERR_R_MALLOC_FAILURE)
		return -ENOMEM;
	if (ERR_GET_LIB(first) != ERR_LIB_SSL)
		return WEFT_ETLS;
	switch (reason) {
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		return of_verification(t);
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return WEFT_ETLS_UNTRUSTED;
	case SSL_R_NO_APPLICATION_PROTOCOL:
	case SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL:
		return WEFT_ETLS_ALPN;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return WEFT_ETLS_TRUNCATED;
	default:
		return reason >= SSL_AD_REASON_OFFSET ? WEFT_ETLS_ALERT :
							WEFT_ETLS;
	}
}

int weft__tls_outcome_locked(weft_tls *t, int ret)
{
	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_NONE:
		return OUTCOME_DONE;
	case SSL_ERROR_WANT_READ:
		return OUTCOME_INPUT;
	case SSL_ERROR_ZERO_RETURN:
		return OUTCOME_CLOSED;
	default:
		break;
	}
	if (t->no_memory)
		t->failed = -ENOMEM;
	else if (ERR_peek_error())
		t->failed = of_queue(t);
	else if (t->ended)
		t->failed = WEFT_ETLS_TRUNCATED;
	else
		t->failed = WEFT_ETLS;
	ERR_clear_error();
	return t->failed;
}
