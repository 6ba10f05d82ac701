# WEFT_OPENSSL -- --with-openssl=yes|no|auto decides whether libweft-tls is
# built; the core library never needs it.  A cross compiler may be shown the
# build machine's, so it must link, too.
AC_DEFUN([WEFT_OPENSSL], [
  AC_ARG_WITH([openssl],
    [AS_HELP_STRING([--with-openssl=yes|no|auto],
      [build libweft-tls over OpenSSL 1.1.1 or later (auto: when found)])],
    [], [with_openssl=auto])
  weft_openssl=no
  AS_CASE([$with_openssl],
    [no], [],
    [yes|auto],
      [PKG_CHECK_MODULES([OPENSSL], [openssl >= 1.1.1],
        [weft_save_CFLAGS=$CFLAGS; weft_save_LIBS=$LIBS
         CFLAGS="$CFLAGS $OPENSSL_CFLAGS"
         LIBS="$OPENSSL_LIBS $LIBS"
         AC_MSG_CHECKING([whether OpenSSL links])
         AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <openssl/ssl.h>]],
             [[return SSL_CTX_new(TLS_method()) == NULL;]])],
           [weft_openssl=yes])
         AC_MSG_RESULT([$weft_openssl])
         CFLAGS=$weft_save_CFLAGS; LIBS=$weft_save_LIBS], [:])
       AS_IF([test "$with_openssl,$weft_openssl" = yes,no],
         [AC_MSG_ERROR([OpenSSL 1.1.1 or later not found: install libssl-dev or use --with-openssl=no])])],
    [AC_MSG_ERROR([--with-openssl takes yes, no or auto, not "$with_openssl"])])
  AM_CONDITIONAL([HAVE_OPENSSL], [test "$weft_openssl" = yes])
])
