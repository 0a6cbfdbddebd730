/* Claims of a request as JSON. */
#include "claims_json.h"

#include "document_json.h"

void cli_set_claims(json_t *out, const hr_request *request) {
    json_t *claims = json_object();
    for (size_t i = 0; i < request->n_claims; i++) {
        hr_str name = request->claims[i].name;
        json_t *values = json_object_getn(claims, name.p, name.len);
        if (values == NULL) {
            values = json_array();
            json_object_setn_new(claims, name.p, name.len, values);
        }
        json_array_append_new(values, cli_json_text(request->claims[i].value));
    }
    if (json_object_size(claims) > 0)
        json_object_set(out, "claims", claims);
    json_decref(claims);
}
