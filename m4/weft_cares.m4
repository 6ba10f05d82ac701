# WEFT_CARES -- --with-cares=no|auto|yes: names are looked up by c-ares, without
# threads.  Off unless asked for: the C library alone knows all that the system
# is configured to ask (nsswitch.conf).  The list is freed by freeaddrinfo, whose
# blocks are known only of glibc.
AC_DEFUN([WEFT_CARES], [
  AC_ARG_WITH([cares],
    [AS_HELP_STRING([--with-cares=no|auto|yes],
      [look names up with c-ares 1.16 or later, not with the C library on the blocking pool (default: no)])],
    [], [with_cares=no])
  weft_cares=no
  CARES_CFLAGS= CARES_LIBS=
  AS_CASE([$with_cares],
    [no], [],
    [yes|auto], [
      PKG_CHECK_MODULES([CARES], [libcares >= 1.16], [weft_cares=yes], [:])
      # A cross build may have found the build machine's.
      AS_IF([test "$weft_cares" = yes], [
        weft_save_CFLAGS=$CFLAGS weft_save_LIBS=$LIBS
        CFLAGS="$CFLAGS $CARES_CFLAGS" LIBS="$CARES_LIBS $LIBS"
        AC_MSG_CHECKING([whether c-ares links, beside glibc])
        AC_LINK_IFELSE([AC_LANG_PROGRAM(
          [[#include <features.h>
            #include <ares.h>
            #ifndef __GLIBC__
            #error the blocks of freeaddrinfo are not known
            #endif]],
          [[ares_getaddrinfo(0, 0, 0, 0, 0, 0); ares_freeaddrinfo(0);]])],
          [], [weft_cares=no])
        AC_MSG_RESULT([$weft_cares])
        CFLAGS=$weft_save_CFLAGS LIBS=$weft_save_LIBS])
      AS_IF([test "$weft_cares" = yes],
        [AC_DEFINE([HAVE_CARES], [1], [Define to look names up with c-ares.])],
        [test "$with_cares" = yes],
        [AC_MSG_ERROR([c-ares 1.16 or later, and glibc, not found: install libc-ares-dev or use --with-cares=no])],
        [CARES_CFLAGS= CARES_LIBS=])],
    [AC_MSG_ERROR([--with-cares takes no, auto or yes, not "$with_cares"])])
  AC_SUBST([CARES_CFLAGS])
  AC_SUBST([CARES_LIBS])
  AM_CONDITIONAL([HAVE_CARES], [test "$weft_cares" = yes])
])
