/* The web page: its files, compiled in, and what they ask for. */
#ifndef SV_GATEWAY_UI_H
#define SV_GATEWAY_UI_H

#include "gateway.h"

/* 1: the path lies under --ui PREFIX, and the request is answered. */
int gw_ui(sv_exchange *ex);

/* NULL, or a sentence about what is wrong with the prefix. */
const char *gw_ui_check_prefix(const char *prefix);

#endif
