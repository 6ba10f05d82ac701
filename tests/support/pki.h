/* support/pki.h - certificates for tests, made when they run.
 *
 * pki_make fills a fresh directory with PEM files, pki_clean removes it:
 *
 *   ca.pem                    a root; other-ca.pem: another, trusted by nobody
 *   server.pem server.key     "localhost", 127.0.0.1 and ::1, by ca
 *   second.pem second.key     the same names, another key and serial
 *   expired.pem               server.key's, over since yesterday
 *   stranger.pem stranger.key the same names, by other-ca
 *   client.pem client.key     "CN=client,O=weft", by ca
 *   both.pem                  server.pem and its key in one file
 *   garbage.pem               no certificate
 */
#ifndef WEFT_SUPPORT_PKI_H
#define WEFT_SUPPORT_PKI_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PKI_DAY = 24 * 3600 };

static char pki_dir[64];

static const char *const pki_names[] = {
	"ca.pem", "other-ca.pem", "server.pem", "server.key", "second.pem",
	"second.key", "expired.pem", "stranger.pem", "stranger.key",
	"client.pem", "client.key", "both.pem", "garbage.pem",
	/* These are not made. */
	"gone.pem", "first.pem", "first.key",
};
enum { PKI_FILES = sizeof pki_names / sizeof *pki_names };
static char pki_path[PKI_FILES][128];

/* The path of one of them, for as long as the test runs. */
static const char *pki(const char *name)
{
	for (int i = 0; i < PKI_FILES; i++)
		if (strcmp(pki_names[i], name) == 0)
			return pki_path[i];
	abort();
}

struct pki_pair {
	EVP_PKEY *key;
	X509 *cert;
};

static EVP_PKEY *pki_key(void)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	if (!c || EVP_PKEY_keygen_init(c) != 1 ||
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(c, NID_X9_62_prime256v1) != 1 ||
	    EVP_PKEY_keygen(c, &key) != 1)
		abort();
	EVP_PKEY_CTX_free(c);
	return key;
}

static void pki_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX c;
	X509_EXTENSION *e;

	X509V3_set_ctx(&c, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	if (!e || X509_add_ext(cert, e, -1) != 1)
		abort();
	X509_EXTENSION_free(e);
}

/* by NULL: signs itself, as a root. */
static X509 *pki_cert(EVP_PKEY *key, const char *name, const char *names,
		      int until, const struct pki_pair *by)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -10 * PKI_DAY);
	X509_gmtime_adj(X509_getm_notAfter(cert), until);
	X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC,
				   (const unsigned char *)"weft", -1, -1, 0);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, by ? X509_get_subject_name(by->cert) : subject);
	X509_set_pubkey(cert, key);
	pki_extension(cert, by ? by->cert : cert, NID_basic_constraints,
		      by ? "CA:FALSE" : "critical,CA:TRUE");
	if (names)
		pki_extension(cert, by ? by->cert : cert, NID_subject_alt_name,
			      names);
	if (X509_sign(cert, by ? by->key : key, EVP_sha256()) == 0)
		abort();
	return cert;
}

static void pki_write(const char *name, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(pki(name), "w");

	if (!f || (cert && PEM_write_X509(f, cert) != 1) ||
	    (key && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1))
		abort();
	fclose(f);
}

/* name.pem and name.key. */
static void pki_issue(const char *name, const char *subject, const char *names,
		      const struct pki_pair *by)
{
	EVP_PKEY *key = pki_key();
	X509 *cert = pki_cert(key, subject, names, PKI_DAY, by);
	char file[64];

	snprintf(file, sizeof file, "%s.pem", name);
	pki_write(file, cert, NULL);
	snprintf(file, sizeof file, "%s.key", name);
	pki_write(file, NULL, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

#define PKI_NAMES "DNS:localhost,DNS:*.example.test,IP:127.0.0.1,IP:::1"

__attribute__((unused))
static void pki_make(void)
{
	struct pki_pair ca = { pki_key(), NULL }, other = { pki_key(), NULL };
	EVP_PKEY *key = pki_key();
	X509 *cert;
	FILE *f;

	snprintf(pki_dir, sizeof pki_dir, "/tmp/weft-pki-XXXXXX");
	if (!mkdtemp(pki_dir))
		abort();
	for (int i = 0; i < PKI_FILES; i++)
		snprintf(pki_path[i], sizeof pki_path[i], "%s/%s", pki_dir,
			 pki_names[i]);
	ca.cert = pki_cert(ca.key, "root", NULL, PKI_DAY, NULL);
	other.cert = pki_cert(other.key, "other root", NULL, PKI_DAY, NULL);
	pki_write("ca.pem", ca.cert, NULL);
	pki_write("other-ca.pem", other.cert, NULL);
	cert = pki_cert(key, "localhost", PKI_NAMES, PKI_DAY, &ca);
	pki_write("server.pem", cert, NULL);
	pki_write("server.key", NULL, key);
	pki_write("both.pem", cert, key);
	X509_free(cert);
	cert = pki_cert(key, "localhost", PKI_NAMES, -PKI_DAY, &ca);
	pki_write("expired.pem", cert, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
	pki_issue("second", "localhost", PKI_NAMES, &ca);
	pki_issue("stranger", "localhost", PKI_NAMES, &other);
	pki_issue("client", "client", NULL, &ca);
	f = fopen(pki("garbage.pem"), "w");
	if (!f)
		abort();
	fputs("-----BEGIN CERTIFICATE-----\nnonsense\n", f);
	fclose(f);
	X509_free(ca.cert);
	X509_free(other.cert);
	EVP_PKEY_free(ca.key);
	EVP_PKEY_free(other.key);
}

__attribute__((unused))
static void pki_clean(void)
{
	for (int i = 0; i < PKI_FILES; i++)
		unlink(pki_path[i]);
	rmdir(pki_dir);
}

#endif
