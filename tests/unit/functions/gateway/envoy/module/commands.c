// Commands by line, each answered by a line. A text is written as @ and its bytes in hexadecimal digits, none as -.
//
//     settings TEXT                       ok, or null where they are refused
//     route NUMBER TEXT                   the same
//     clocks UNIX_S UP_MS                 ok
//     hash TEXT BEFORE                    16 digits
//     early NAME=VALUE …                  | and the headers after the mutation
//     request ROUTE ADDRESS KEYS NAME=VALUE …
//                                         continue or stop; STATUS DETAILS BODY and its headers where the module
//                                         answers; | and the request's headers. KEYS: texts separated by commas
//     answer NAME=VALUE …                 | and the headers after the hook for answers, of the last request
//     counters                            checked, limited, denied
//     count HASH RATE BURST               1 or 0, whether it is admitted, and what is left in that bucket
//     starve NUMBER                       ok; of the module's next requests for memory the one of that number fails
//     overread                            reads a byte past a text: how the sanitizers themselves are tried
//     leak
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

enum { ROUTES = 16 };

static const void *settings, *routes[ROUTES], *stream;
static Exchange exchange;

static char *word(void) {
  char *found = strtok(NULL, " \n");
  if (found == NULL) abort();
  return found;
}

static unsigned digit(char of) { return (unsigned)(of <= '9' ? of - '0' : of - 'a' + 10); }

/// The text that begins at the @; `end` is the place after it.
static Text read_text(const char *from, const char **end) {
  if (*from++ != '@') abort();
  size_t length = strspn(from, "0123456789abcdef") / 2;
  char *bytes = __real_malloc(length + 1);
  if (bytes == NULL) abort();
  for (size_t at = 0; at < length; at++) bytes[at] = (char)(digit(from[2 * at]) << 4 | digit(from[2 * at + 1]));
  Text read = text_kept((Text){bytes, length});
  free(bytes);
  if (end) *end = from + 2 * length;
  return read;
}

static void read_headers(Headers *headers) {
  for (const char *from; (from = strtok(NULL, " \n"));) {
    Text name = read_text(from, &from), value = read_text(from + 1, NULL);
    append(headers, name, value);
    text_freed(name);
    text_freed(value);
  }
}

static void read_keys(Headers *keys, const char *from) {
  while (*from == '@') {
    Text name = read_text(from, &from);
    append(keys, name, TEXT(""));
    text_freed(name);
    if (*from == ',') from++;
  }
}

static void write_text(Text text) {
  putchar('@');
  for (size_t at = 0; at < text.length; at++) printf("%02x", (unsigned char)text.ptr[at]);
}

static void write_headers(const Headers *headers) {
  for (size_t at = 0; at < headers->number; at++) {
    putchar(' ');
    write_text(headers->all[at].name);
    putchar('=');
    write_text(headers->all[at].value);
  }
}

static void forget_exchange(void) {
  if (stream) envoy_dynamic_module_on_http_filter_destroy(stream);
  stream = NULL;
  free_exchange(&exchange);
}

static void on_settings(void) {
  Text lines = read_text(word(), NULL);
  const void *read = envoy_dynamic_module_on_http_filter_config_new(NULL, TEXT("gate"), lines);
  text_freed(lines);
  printf(read ? "ok" : "null");
  if (read == NULL) return;
  forget_exchange();
  if (settings) envoy_dynamic_module_on_http_filter_config_destroy(settings);
  settings = read;
}

static void on_route(void) {
  size_t number = strtoul(word(), NULL, 10) % ROUTES;
  Text lines = read_text(word(), NULL);
  const void *read = envoy_dynamic_module_on_http_filter_per_route_config_new(TEXT("gate"), lines);
  text_freed(lines);
  printf(read ? "ok" : "null");
  if (read == NULL) return;
  forget_exchange();
  if (routes[number]) envoy_dynamic_module_on_http_filter_per_route_config_destroy(routes[number]);
  routes[number] = read;
}

static void on_early(void) {
  forget_exchange();
  read_headers(&exchange.request);
  const void *config = envoy_dynamic_module_on_early_header_mutation_config_new(NULL, TEXT("early"), TEXT(""));
  if (!envoy_dynamic_module_on_early_header_mutation_mutate(config, &exchange)) abort();
  envoy_dynamic_module_on_early_header_mutation_config_destroy(config);
  putchar('|');
  write_headers(&exchange.request);
}

static void on_request(void) {
  forget_exchange();
  const char *route = word(), *address = word(), *keys = word();
  exchange.route = *route == '-' ? NULL : routes[strtoul(route, NULL, 10) % ROUTES];
  exchange.has_address = *address == '@';
  if (exchange.has_address) exchange.address = read_text(address, NULL);
  read_keys(&exchange.metadata, keys);
  read_headers(&exchange.request);
  stream = envoy_dynamic_module_on_http_filter_new(settings, &exchange);
  int status = envoy_dynamic_module_on_http_filter_request_headers(&exchange, stream, true);
  printf(status == CONTINUE ? "continue" : "stop");
  if (exchange.status) {
    printf(" %" PRIu32 " ", exchange.status);
    write_text(exchange.details);
    putchar(' ');
    write_text(exchange.body);
    write_headers(&exchange.answered);
  }
  printf(" |");
  write_headers(&exchange.request);
}

static void on_answer(void) {
  free_headers(&exchange.response);
  read_headers(&exchange.response);
  if (envoy_dynamic_module_on_http_filter_response_headers(&exchange, stream, true) != CONTINUE) abort();
  putchar('|');
  write_headers(&exchange.response);
}

static void on_clocks(void) {
  int64_t unix_s = strtoll(word(), NULL, 10);
  set_clocks(unix_s, strtoll(word(), NULL, 10));
  printf("ok");
}

static void on_hash(void) {
  Text text = read_text(word(), NULL);
  printf("%016" PRIx64, text_hash(text, strtoull(word(), NULL, 10)));
  text_freed(text);
}

static void on_counters(void) {
  for (size_t at = 0; at < 3; at++) printf("%" PRIu64 " ", counters[at]);
}

static void on_count(void) {
  Bucket bucket = {.hash = strtoull(word(), NULL, 10)};
  bucket.limit.rate = strtod(word(), NULL);
  bucket.limit.burst = strtod(word(), NULL);
  Counted counted = count_request(&bucket, 1, 1);
  printf("%d %" PRIu64, counted.admitted, counted.left);
}

static void on_starve(void) {
  starving = strtoul(word(), NULL, 10);
  printf("ok");
}

static void on_overread(void) {
  volatile Text text = text_kept(TEXT("four"));
  printf("%d", text.ptr[text.length]);
}

static void on_leak(void) {
  text_kept(TEXT("four"));
  printf("ok");
}

static const struct {
  const char *name;
  void (*run)(void);
} commands[] = {
    {"settings", on_settings}, {"route", on_route},   {"early", on_early},       {"request", on_request},
    {"answer", on_answer},     {"clocks", on_clocks}, {"hash", on_hash},         {"counters", on_counters},
    {"count", on_count},       {"starve", on_starve}, {"overread", on_overread}, {"leak", on_leak},
    {NULL, NULL},
};

static void run(const char *name) {
  for (size_t at = 0; commands[at].name; at++) {
    if (strcmp(name, commands[at].name) == 0) return commands[at].run();
  }
  abort();
}

int main(void) {
  char *line = NULL;
  size_t size = 0;
  if (strcmp(envoy_dynamic_module_on_program_init(), ABI_VERSION) != 0) abort();
  while (getline(&line, &size, stdin) > 0) {
    run(strtok(line, " \n"));
    putchar('\n');
    fflush(stdout);
  }
  free(line);
  forget_exchange();
  if (settings) envoy_dynamic_module_on_http_filter_config_destroy(settings);
  for (size_t at = 0; at < ROUTES; at++) free((void *)routes[at]);
  return 0;
}
