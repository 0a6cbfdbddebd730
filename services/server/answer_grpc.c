/* Answers to gRPC calls: messages, and statuses in trailers. */
#include "answer_grpc.h"

#include "answer.h"
#include "grpc.h"
#include "grpc_frame.h"
#include "server.h"

/* The two fields that end a call. Returns their number. */
static size_t status_fields(sv_exchange *ex, hr_pair fields[2], int status, const char *detail) {
    hr_str text = detail != NULL ? sv_str(detail) : HR_STR("");
    ex->grpc_status = sv_grpc_status_digits(status);
    fields[0] = (hr_pair){HR_STR("grpc-status"), ex->grpc_status};
    if (text.len == 0)
        return 1;
    char *to = sv_pool_alloc(ex->pool, SV_GRPC_MESSAGE_SIZE(text.len));
    fields[1] = (hr_pair){HR_STR("grpc-message"), sv_grpc_encode_message(to, text)};
    return 2;
}

static void begin(sv_exchange *ex, uint64_t content_length, void (*on_sent)(sv_exchange *ex)) {
    ex->answer.status = 200;
    sv_answer_field(ex, HR_STR("content-type"), HR_STR("application/grpc"));
    sv_answer_finish_headers(ex);
    sv_answer_start(ex, 200, content_length, on_sent);
}

void sv_answer_grpc_status(sv_exchange *ex, int grpc_status, const char *detail) {
    hr_pair fields[2];
    size_t n = status_fields(ex, fields, grpc_status, detail);
    for (size_t i = 0; i < n; i++)
        sv_answer_field(ex, fields[i].name, fields[i].value);
    begin(ex, SV_UNKNOWN_LENGTH, NULL);
    sv_answer_write(ex, NULL, 0, true);
}

void sv_answer_grpc_error(sv_exchange *ex, int http_status, const char *detail) {
    const sv_service *service = sv_server_service(ex->loop->server);
    int status = service->grpc_status_of != NULL ? service->grpc_status_of(http_status)
                                                 : (int)sv_grpc_status_of_http(http_status);
    sv_answer_grpc_status(ex, status, detail);
}

/* In the pool, as it must stay until it is sent. */
static hr_str prefix_of(sv_exchange *ex, size_t n) {
    char *prefix = sv_pool_alloc(ex->pool, SV_GRPC_PREFIX);
    sv_grpc_write_prefix(prefix, n);
    return (hr_str){prefix, SV_GRPC_PREFIX};
}

void sv_answer_grpc(sv_exchange *ex, hr_str message) {
    static const hr_pair ok[] = {{{"grpc-status", 11}, {"0", 1}}};
    const hr_str parts[] = {prefix_of(ex, message.len), message};
    ex->grpc_status = ok[0].value;
    /* The length lets the server notice a client that takes the answer too slowly. */
    begin(ex, SV_GRPC_PREFIX + message.len, NULL);
    sv_answer_trailers(ex, ok, 1);
    sv_answer_write(ex, parts, 2, true);
}

/* ---- streams ---- */

void sv_answer_grpc_start(sv_exchange *ex, void (*on_sent)(sv_exchange *ex)) {
    begin(ex, SV_UNKNOWN_LENGTH, on_sent);
}

void sv_answer_grpc_send(sv_exchange *ex, hr_str message) {
    sv_answer_write(ex, &message, 1, false);
}

void sv_answer_grpc_end(sv_exchange *ex, int grpc_status, const char *detail) {
    hr_pair *fields = sv_pool_alloc(ex->pool, 2 * sizeof(*fields));
    sv_answer_trailers(ex, fields, status_fields(ex, fields, grpc_status, detail));
    sv_answer_write(ex, NULL, 0, true);
}
