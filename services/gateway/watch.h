/* Detects changed files: inotify signals when to look, and a fingerprint shows whether the contents
 * differ. */
#ifndef SV_GATEWAY_WATCH_H
#define SV_GATEWAY_WATCH_H

#include <stddef.h>
#include <stdint.h>

/* An inotify descriptor (non-blocking), or -1. */
int gw_watch_open(void);
/* Watches the paths and the folders they stand in: files are replaced by renaming, and Kubernetes
 * swaps a symbolic link `..data` beside them. To be called again now and then, as a folder may have
 * been away. */
void gw_watch_paths(int fd, const char *const *paths, size_t n);
/* Reads off all events. */
void gw_watch_drain(int fd);
/* Changes when a YAML file of the paths comes, goes, or is written or replaced. */
uint64_t gw_watch_fingerprint(const char *const *paths, size_t n);

#endif
