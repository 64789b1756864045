package dev.stowage.cli.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/** One HTTP request and its answer. */
final class Exchange {
  private final HttpExchange http;
  private final Counters counters;
  private String route = "other";
  private int status;

  Exchange(HttpExchange http, Counters counters) {
    this.http = http;
    this.counters = counters;
  }

  /** What the answer is counted under. */
  void route(String name) {
    route = name;
  }

  String method() {
    return http.getRequestMethod();
  }

  String path() {
    return http.getRequestURI().getPath();
  }

  /** A header of the request; empty where there is none. */
  String header(String name) {
    var value = http.getRequestHeaders().getFirst(name);
    return value == null ? "" : value;
  }

  /**
   * Reads the body.
   *
   * @throws ApiError if it is longer than it may be
   */
  byte[] body(int most) throws IOException {
    var length = header("Content-Length");
    if (length.length() > 18 || !length.isEmpty() && Long.parseLong(length) > most) {
      throw tooLong(most);
    }
    var body = http.getRequestBody().readNBytes(most + 1);
    if (body.length > most) {
      throw tooLong(most);
    }
    return body;
  }

  private static ApiError tooLong(int most) {
    return ApiError.refused(
        413, "body_too_long", "the body of a request has at most %d bytes".formatted(most));
  }

  /** The status that was answered; empty before. */
  OptionalInt status() {
    return status == 0 ? OptionalInt.empty() : OptionalInt.of(status);
  }

  private void status(int code) {
    status = code;
    counters.request(route, code);
  }

  void say(String name, String value) {
    http.getResponseHeaders().set(name, value);
  }

  void answer(int code, ObjectNode json) throws IOException {
    answer(code, "application/json", bytes(json));
  }

  void answer(int code, String type, byte[] body) throws IOException {
    say("Content-Type", type);
    status(code);
    boolean head = method().equals("HEAD");
    http.sendResponseHeaders(code, head ? -1 : body.length);
    if (!head) {
      try (var out = http.getResponseBody()) {
        out.write(body);
      }
    }
  }

  /** Answers with a stream of events. */
  Events events() throws IOException {
    say("Content-Type", "text/event-stream; charset=utf-8");
    say("Cache-Control", "no-cache");
    status(200);
    http.sendResponseHeaders(200, 0);
    return new Events(http.getResponseBody());
  }

  /** Server-sent events (HTML standard, section 9.2), each sent at once. */
  static final class Events implements AutoCloseable {
    private final OutputStream out;

    private Events(OutputStream out) {
      this.out = out;
    }

    void event(ObjectNode json) throws IOException {
      send("data: " + new String(bytes(json), StandardCharsets.UTF_8) + "\n\n");
    }

    /** What clients pass over. */
    void comment(String text) throws IOException {
      send(": " + text + "\n\n");
    }

    void done() throws IOException {
      send("data: [DONE]\n\n");
    }

    private void send(String text) throws IOException {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.flush();
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }

  private static byte[] bytes(ObjectNode json) {
    try {
      return Fields.MAPPER.writeValueAsBytes(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
