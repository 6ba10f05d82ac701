# WEFT_HTTP_PARSER -- --with-http-parser=auto|yes|no: the parser that the
# example examples/httpd is written over; without it that one is not built.
AC_DEFUN([WEFT_HTTP_PARSER], [
  AC_ARG_WITH([http-parser],
    [AS_HELP_STRING([--with-http-parser=auto|yes|no],
      [build the example examples/httpd (auto: when http-parser is found)])],
    [], [with_http_parser=auto])
  weft_http_parser=no
  AS_CASE([$with_http_parser],
    [no], [weft_http_parser_note="without examples/httpd"],
    [yes|auto],
      [weft_save_LIBS=$LIBS
       LIBS="-lhttp_parser $LIBS"
       AC_MSG_CHECKING([for http-parser])
       AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <http_parser.h>]],
           [[return http_status_str(HTTP_STATUS_OK) == 0;]])],
         [weft_http_parser=yes])
       AC_MSG_RESULT([$weft_http_parser])
       LIBS=$weft_save_LIBS
       AS_IF([test "$weft_http_parser" = yes],
         [weft_http_parser_note="with examples/httpd"],
         [test "$with_http_parser" = yes],
         [AC_MSG_ERROR([http-parser not found: install libhttp-parser-dev or use --with-http-parser=no])],
         [weft_http_parser_note="without examples/httpd: install libhttp-parser-dev for it"])],
    [AC_MSG_ERROR([--with-http-parser takes auto, yes or no, not "$with_http_parser"])])
  AM_CONDITIONAL([HAVE_HTTP_PARSER], [test "$weft_http_parser" = yes])
])
