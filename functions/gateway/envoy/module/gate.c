// Who may pass, as one filter behind jwt_authn: the claims of the token, the tenant's and the client's buckets, the
// scope of the route. A route that says nothing is passed by nobody.

#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "tokens.h"

#define JWT_METADATA TEXT("envoy.filters.http.jwt_authn")
#define USER_HEADER TEXT("x-platform-user")
#define CLIENT_HEADER TEXT("x-platform-client")
#define SCOPE_HEADER TEXT("x-platform-scope")
#define EXPIRES_HEADER TEXT("x-platform-expires")

/// Services' hosts refuse a request line over 8 KiB (Kestrel's limit), and that without a body.
enum { LONGEST_PATH = 8000 };

/// A request on its way through; what it was counted in is said in its answer.
typedef struct {
  const Settings *settings;
  Counted counted;
} Stream;

const char *envoy_dynamic_module_on_program_init(void) { return ABI_VERSION; }

static bool count_as(void *config, Text name, size_t *id) {
  return envoy_dynamic_module_callback_http_filter_config_define_counter(config, name, NULL, 0, id) == 0;
}

const void *envoy_dynamic_module_on_http_filter_config_new(void *config, Text name, Text lines) {
  (void)name;
  Settings *settings = read_settings(lines);
  if (settings == NULL) return NULL;
  if (!count_as(config, TEXT("gate_checked"), &settings->checked) ||
      !count_as(config, TEXT("gate_limited"), &settings->limited) ||
      !count_as(config, TEXT("gate_denied"), &settings->denied)) {
    free_settings(settings);
    return NULL;
  }
  use_keys(settings->fingerprint);
  return settings;
}

void envoy_dynamic_module_on_http_filter_config_destroy(const void *settings) { free_settings((Settings *)settings); }

const void *envoy_dynamic_module_on_http_filter_per_route_config_new(Text name, Text lines) {
  (void)name;
  return read_route(lines);
}

void envoy_dynamic_module_on_http_filter_per_route_config_destroy(const void *route) { free((void *)route); }

const void *envoy_dynamic_module_on_http_filter_new(const void *settings, void *envoy) {
  (void)envoy;
  Stream *stream = calloc(1, sizeof *stream);
  if (stream == NULL) abort();  // as Envoy does itself: without a filter the request would go on unchecked
  stream->settings = settings;
  return stream;
}

void envoy_dynamic_module_on_http_filter_destroy(const void *stream) { free((void *)stream); }

static Text header(void *envoy, Text name) {
  Text value = {NULL, 0};
  size_t number = 0;
  bool found = envoy_dynamic_module_callback_http_get_header(envoy, REQUEST_HEADERS, name, &value, 0, &number);
  return found && number == 1 ? value : (Text){NULL, 0};
}

static void remove(void *envoy, Text name) {
  envoy_dynamic_module_callback_http_set_header(envoy, REQUEST_HEADERS, name, (Text){NULL, 0});
}

/// The fields of draft-ietf-httpapi-ratelimit-headers; zeros on an answer that came before anything was counted.
typedef struct {
  char left[64], size[64];
  Header headers[2];
} Fields;

static void write_fields(Fields *fields, const Counted *counted) {
  char *to = mempcpy(fields->left, "\"default\";r=", 12);
  to = mempcpy(write_number(to, counted->left), ";t=", 3);
  to = write_number(to, counted->wait_s);
  fields->headers[0] = (Header){TEXT("ratelimit"), {fields->left, (size_t)(to - fields->left)}};
  to = write_number(mempcpy(fields->size, "\"default\";q=", 12), counted->size);
  fields->headers[1] = (Header){TEXT("ratelimit-policy"), {fields->size, (size_t)(to - fields->size)}};
}

/// Answers in place of a service. The hook for answers is not called for it: the fields go with it.
static int refuse(void *envoy, const Stream *stream, uint32_t status, Text body, Text why) {
  Fields fields;
  write_fields(&fields, &stream->counted);
  char wait[20];
  size_t length = (size_t)(write_number(wait, stream->counted.wait_s ? stream->counted.wait_s : 1) - wait);
  Header headers[] = {fields.headers[0], fields.headers[1], {TEXT("retry-after"), {wait, length}}};
  size_t number = status == 429 ? 3 : 2;
  envoy_dynamic_module_callback_http_send_response(envoy, status, headers, number, body, why);
  return STOP_ITERATION;
}

static void count(void *envoy, size_t counter) {
  envoy_dynamic_module_callback_http_filter_increment_counter(envoy, counter, NULL, 0, 1);
}

static int deny(void *envoy, const Stream *stream) {
  count(envoy, stream->settings->denied);
  return refuse(envoy, stream, 403, TEXT(""), TEXT("gate_denied"));
}

/// Counts the request in the buckets; false when it is refused, which is then under way.
static bool is_within(void *envoy, Stream *stream, const Bucket *buckets, size_t number) {
  stream->counted = count_request(buckets, number, stream->settings->share);
  if (stream->counted.admitted) return true;
  count(envoy, stream->settings->limited);
  refuse(envoy, stream, 429, TEXT(""), TEXT("gate_limited"));
  return false;
}

static int pass_unrouted(void *envoy, Stream *stream) {
  Bucket all = {1, stream->settings->unrouted};
  return is_within(envoy, stream, &all, 1) ? CONTINUE : STOP_ITERATION;
}

static int pass_by_address(void *envoy, Stream *stream, const Route *route) {
  remove(envoy, TENANT_HEADER);  // a public route asks nobody who it is
  Text address = {NULL, 0};
  envoy_dynamic_module_callback_http_filter_get_attribute_string(envoy, SOURCE_ADDRESS, &address);
  while (address.length && address.ptr[address.length - 1] != ':') address.length--;  // without its port
  Bucket own = {text_hash(address, route->service_hash) | 1, route->address};
  return is_within(envoy, stream, &own, 1) ? CONTINUE : STOP_ITERATION;
}

/// The hash of somebody's bucket with a service. Hashed once more: a tenant may be named as a service is.
static uint64_t bucket_hash(uint64_t whose, const Route *route) {
  return text_hash((Text){(const char *)&whose, sizeof whose}, route->service_hash) | 1;
}

static int pass_with(void *envoy, Stream *stream, const Route *route, const Claims *claims) {
  TierLimits limits = limits_of(stream->settings, route, claims->tenant_hash);
  Bucket buckets[] = {
      {bucket_hash(claims->tenant_hash, route), limits.tenant},
      {claims->client.length ? bucket_hash(claims->client_hash, route) : 0, limits.client},
  };
  if (!is_within(envoy, stream, buckets, 2)) return STOP_ITERATION;
  if (has_word(claims->scope, route->scope)) return CONTINUE;
  return deny(envoy, stream);
}

static void say(void *envoy, Text name, Text claim) {
  if (claim.length) envoy_dynamic_module_callback_http_add_header(envoy, REQUEST_HEADERS, name, claim);
}

static int pass_known(void *envoy, Stream *stream, const Route *route) {
  const Claims *claims = routed_token(header(envoy, TEXT("authorization")));
  // It was known when its route was chosen, and here it is not: Envoy has had the request wait in between.
  if (claims == NULL) return refuse(envoy, stream, 401, TEXT("Jwt is expired"), TEXT("gate_expired"));
  int status = pass_with(envoy, stream, route, claims);
  if (status != CONTINUE) return status;
  say(envoy, USER_HEADER, claims->user);
  // The tenant is said already: by early.c, for the request to find this route.
  say(envoy, CLIENT_HEADER, claims->client);
  return CONTINUE;
}

/// Whether jwt_authn checked this request's token with the keys that the settings name.
static bool is_of_these_keys(void *envoy, const Settings *settings) {
  Text names[4];
  size_t number = envoy_dynamic_module_callback_http_get_metadata_keys_count(envoy, DYNAMIC_METADATA, JWT_METADATA);
  if (number == 0 || number > 4) return false;
  if (!envoy_dynamic_module_callback_http_get_metadata_keys(envoy, DYNAMIC_METADATA, JWT_METADATA, names)) return false;
  for (size_t at = 0; at < number; at++) {
    if (same(names[at], settings->fingerprint)) return true;
  }
  return false;
}

static int pass_checked(void *envoy, Stream *stream, const Route *route) {
  Text expires = header(envoy, EXPIRES_HEADER);
  int64_t expires_s;
  // Nobody else can have set it: early.c takes it off. Without it jwt_authn was not here.
  if (!read_number(expires, &expires_s)) return deny(envoy, stream);
  Claims claims = {.user = header(envoy, USER_HEADER), .tenant = header(envoy, TENANT_HEADER)};
  claims.client = header(envoy, CLIENT_HEADER);
  claims.scope = header(envoy, SCOPE_HEADER);
  claims.tenant_hash = text_hash(claims.tenant, 0);
  claims.client_hash = text_hash(claims.client, claims.tenant_hash);
  Text authorization = header(envoy, TEXT("authorization"));
  count(envoy, stream->settings->checked);
  if (authorization.length && is_of_these_keys(envoy, stream->settings)) {
    remember_token(authorization, claims, expires_s, stream->settings->fingerprint);
  }
  int status = pass_with(envoy, stream, route, &claims);
  if (status != CONTINUE) return status;
  remove(envoy, SCOPE_HEADER);
  remove(envoy, EXPIRES_HEADER);
  return CONTINUE;
}

int envoy_dynamic_module_on_http_filter_request_headers(void *envoy, const void *filter, bool end) {
  (void)end;
  Stream *stream = (Stream *)filter;
  if (header(envoy, TEXT(":path")).length > LONGEST_PATH) {
    return refuse(envoy, stream, 414, TEXT(""), TEXT("gate_path_too_long"));
  }
  const Route *route = envoy_dynamic_module_callback_get_most_specific_route_config(envoy);
  if (route == NULL) return pass_unrouted(envoy, stream);
  switch (route->passes) {
    case OPEN: return CONTINUE;
    case ADDRESS: return pass_by_address(envoy, stream, route);
    case TOKEN: return pass_checked(envoy, stream, route);
    case KNOWN: return pass_known(envoy, stream, route);
    case NOBODY: break;
  }
  return deny(envoy, stream);
}

int envoy_dynamic_module_on_http_filter_response_headers(void *envoy, const void *filter, bool end) {
  (void)end;
  Fields fields;
  write_fields(&fields, &((const Stream *)filter)->counted);
  for (size_t at = 0; at < 2; at++) {
    Header field = fields.headers[at];
    Text theirs;
    // A service that sets the field itself is rare, and setting a field costs more than adding it.
    if (envoy_dynamic_module_callback_http_get_header(envoy, RESPONSE_HEADERS, field.name, &theirs, 0, NULL)) {
      envoy_dynamic_module_callback_http_set_header(envoy, RESPONSE_HEADERS, field.name, field.value);
    } else {
      envoy_dynamic_module_callback_http_add_header(envoy, RESPONSE_HEADERS, field.name, field.value);
    }
  }
  return CONTINUE;
}
