// Shows /openapi.json. Keys that a reader types in are sent as they are and alone: a session cookie
// of the console never goes with them, so what is tried here is what a program would get.
"use strict";

SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("reference"),
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  validatorUrl: null,
  queryConfigEnabled: false,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  withCredentials: false,
  requestInterceptor: (request) => {
    request.credentials = "omit";
    return request;
  },
});
