package dev.stowage.cli.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** A request that is answered with an error, in OpenAI's form. */
final class ApiError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final String type;
  private final String param;
  private final String code;

  private ApiError(int status, String type, String param, String code, String message) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }

  /** What the client sent is wrong. */
  static ApiError badRequest(String param, String message) {
    return new ApiError(400, "invalid_request_error", param, null, message);
  }

  /** What the client sent is more than a sequence has room for. */
  static ApiError tooLong(String message) {
    return new ApiError(400, "invalid_request_error", null, "context_length_exceeded", message);
  }

  /** Any other refusal that is the client's to mend. */
  static ApiError refused(int status, String code, String message) {
    return new ApiError(status, "invalid_request_error", null, code, message);
  }

  /** There is no room now. */
  static ApiError busy(String message) {
    return new ApiError(429, "rate_limit_exceeded", null, "queue_full", message);
  }

  /** The server cannot answer. */
  static ApiError unavailable(int status, String code, String message) {
    return new ApiError(status, "server_error", null, code, message);
  }

  int status() {
    return status;
  }

  ObjectNode json() {
    var json = JsonNodeFactory.instance.objectNode();
    json.putObject("error")
        .put("message", getMessage())
        .put("type", type)
        .put("param", param)
        .put("code", code);
    return json;
  }
}
