# The upstream HTTP/1.1 client: strict response parser, timers, connections, and what stands between it
# and the downstream side.
add_library(hr-upstream STATIC
  forward.c timers.c upstream.c upstream_metrics.c upstream_parser.c upstream_pool.c
  upstream_tls.c)
target_link_libraries(hr-upstream PRIVATE hr_build_flags PUBLIC hr-common)
