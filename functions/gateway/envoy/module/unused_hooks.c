// The hooks that Envoy wants to find in a module with an HTTP filter, and that have nothing to do in this one. Zero is
// CONTINUE where they answer.

#define HOOK(name) \
  int envoy_dynamic_module_on_http_filter_##name(void); \
  int envoy_dynamic_module_on_http_filter_##name(void) { return 0; }

HOOK(request_body)
HOOK(request_trailers)
HOOK(response_body)
HOOK(response_trailers)
HOOK(stream_complete)
HOOK(local_reply)
HOOK(scheduled)
HOOK(config_scheduled)
HOOK(http_callout_done)
HOOK(http_stream_headers)
HOOK(http_stream_data)
HOOK(http_stream_trailers)
HOOK(http_stream_complete)
HOOK(http_stream_reset)
HOOK(downstream_above_write_buffer_high_watermark)
HOOK(downstream_below_write_buffer_low_watermark)
