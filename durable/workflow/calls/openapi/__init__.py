"""`call: openapi`: an operation of an OpenAPI 3 or Swagger 2 document becomes one HTTP request."""
