/* Asking a running server whether it is ready: what --check does, for images without shell and
 * curl. */
#ifndef SV_CHECK_H
#define SV_CHECK_H

/* GETs /ready from `address`, where "any address" stands for loopback. 0 after a 200; else 1 with
 * one line on stderr. Takes 5 seconds at most. */
int sv_check_ready(const char *program, const char *address);

/* The same of a server that has no /ready at `address`, since all its paths are routed: sends a
 * request without Host, which every server of ours refuses itself with 400 (RFC 9112, section 3.2).
 * `tls`: the listener is encrypted; whose certificate it shows is not looked at. */
int sv_check_answers(const char *program, const char *address, int tls);

#endif
