/* Writes the metadata of the predict server and its samples as JSON. */
#include "metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/version.h>

#include "json_out.h"

/* A yellow oval on blue, 24x24 pixels, and its cut-out: the sample can be sent as it stands. */
static const char sample_in[] = "iVBORw0KGgoAAAANSUhEUgAAABgAAAAYAQMAAADaua+"
                                "7AAAABlBMVEXmtDwoWqCaHKnzAAAAJUlEQVR42mP4//8/AwY+DsSM/xn+"
                                "MUDwH4Z6rBgmD1IL1oNpFgCP4DhBHGrZjAAAAABJRU5ErkJggg==";
static const char sample_out[] = "iVBORw0KGgoAAAANSUhEUgAAABgAAAAYCAIAAABvFaqvAAAAZ0lEQVQ4EWNgGAV0C"
                                 "wFG/DY922IDUSDlcwS/SpwGwY1A1o/HOOwG"
                                 "YTUFv9OYkC2khI3FRXicg8dRVHPRqEGE4xNLrAE14Yk4XGmSaoGN3UW4HIXLOUD1O"
                                 "A2ChArcj3iMgKgcJekYAgBg+hUWp62DRwAAAABJ"
                                 "RU5ErkJggg==";

static void write_rect(sv_text *json, const sv_rect_choice *rect) {
    sv_json_name(json, "rect");
    if (rect->automatic)
        sv_text_str(json, "\"auto\"");
    else
        sv_text_printf(json, "\"%d,%d,%d,%d\"", rect->rect.x, rect->rect.y, rect->rect.width,
                       rect->rect.height);
}

static void write_input(sv_text *json) {
    sv_json_name(json, "input");
    sv_text_str(
        json,
        "{\"content_types\":[\"application/json\",\"multipart/form-data\",\"image/jpeg\","
        "\"image/png\",\"image/webp\",\"image/bmp\",\"application/octet-stream\"],\"json\":{"
        "\"image\":\"string: base64 of a JPEG, PNG, WebP or BMP file\","
        "\"rect\":\"string x,y,w,h in pixels or auto; or an array of four whole numbers\","
        "\"iterations\":\"whole number\",\"seed\":\"whole number\","
        "\"output\":\"string: cutout, rgba or mask\","
        "\"mask\":\"string: base64 of a grey PNG file of the same size, to start from\","
        "\"strokes\":\"array of {label: foreground or background, points: [[x, y], ...], "
        "radius}\"},"
        "\"query\":{\"rect\":\"x,y,w,h in pixels, or auto\",\"output\":\"cutout, rgba or mask\","
        "\"iterations\":\"whole number\",\"seed\":\"whole number\","
        "\"job_id\":\"[A-Za-z0-9._-]{1,64}\"},\"sample\":{\"image\":\"");
    sv_text_str(json, sample_in);
    sv_text_str(json, "\"}}");
}

static void write_output(sv_text *json) {
    sv_json_name(json, "output");
    sv_text_str(json,
                "{\"content_types\":[\"application/json\",\"image/png\",\"image/webp\","
                "\"image/jpeg\"],\"json\":{\"status\":\"string: ok or ng\","
                "\"img_none_bg_base64\":\"string: base64 of a PNG file; null if status is ng\","
                "\"detail\":\"string: what went wrong, if status is ng\"},"
                "\"sample\":{\"status\":\"ok\",\"img_none_bg_base64\":\"");
    sv_text_str(json, sample_out);
    sv_text_str(json, "\"}}");
}

static void write_limits(sv_text *json, const sv_predict *predict) {
    const sv_server_options *server = predict->server;
    sv_json_name(json, "limits");
    sv_text_str(json, "{");
    sv_json_member_int(json, "max_body_bytes", server->max_body_bytes);
    sv_json_member_int(json, "max_pixels", predict->options.max_pixels);
    sv_json_member_int(json, "max_iterations", predict->options.max_iterations);
    sv_json_member_int(json, "max_head_bytes", server->max_head_bytes);
    sv_json_member_int(json, "max_connections", server->max_connections);
    sv_json_member_int(json, "max_upload_bytes", server->max_upload_bytes);
    sv_json_member_int(json, "queue", predict->options.queue);
    sv_json_member_int(json, "workers", predict->options.workers);
    sv_json_member_int(json, "work_memory_bytes", predict->options.work_bytes);
    sv_json_member_int(json, "answer_memory_bytes", predict->options.answer_bytes);
    sv_json_name(json, "deadline_seconds");
    sv_text_printf(json, "%g", (double)predict->options.deadline_ms / 1000);
    sv_text_str(json, "}");
}

hr_str sv_predict_metadata(const sv_predict *predict) {
    sv_text json = {0};
    sv_text_str(&json, "{");
    sv_json_member_str(&json, "name", predict->server->name);
    sv_json_member_str(&json, "version", HR_VERSION);
    sv_json_member_str(&json, "model", "grabcut");
    sv_json_member_str(&json, "engine", predict->engine->name);
    sv_json_member_int(&json, "iterations", predict->options.iterations);
    write_rect(&json, &predict->options.rect);
    write_input(&json);
    write_output(&json);
    write_limits(&json, predict);
    sv_text_str(&json, "}\n");
    return (hr_str){json.p, json.len};
}
