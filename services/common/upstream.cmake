# The upstream HTTP/1.1 client: timers, connections, and what stands between it
# and the downstream side.
add_library(hr-upstream STATIC
  forward.c upstream.c upstream_metrics.c upstream_pool.c
  upstream_tls.c upstream_write.c)
target_link_libraries(hr-upstream PRIVATE hr_build_flags PUBLIC hr-common sv-http sv-net)
