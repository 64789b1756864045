package dev.stowage.cli.serve;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.runtime.text.Words;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** How a model wants messages to be written as a prompt. */
public final class ChatTemplate {
  private static final int MOST_MESSAGES = 1024;
  private static final Set<String> ROLES = Set.of("system", "user", "assistant");

  private final Optional<Object> template;
  private final String missing;

  private ChatTemplate(Optional<Object> template, String missing) {
    this.template = template;
    this.missing = missing;
  }

  /** What one side says. */
  record Message(String role, String content) {}

  public static ChatTemplate of(Path model, Words words) {
    return new ChatTemplate(Optional.empty(), "the model has no chat template");
  }

  /** Whether there is one, for people. */
  public String description() {
    return template.isPresent() ? "yes" : "no, " + missing;
  }

  /** Reads messages of texts. */
  static List<Message> messages(JsonNode node) {
    if (!node.isArray() || node.isEmpty() || node.size() > MOST_MESSAGES) {
      throw ApiError.badRequest(
          "messages", "messages is a list of 1 to %d messages".formatted(MOST_MESSAGES));
    }
    var messages = new ArrayList<Message>();
    for (int i = 0; i < node.size(); i++) {
      var place = "messages[%d]".formatted(i);
      var fields = Fields.of(place, node.get(i));
      var role = fields.text("role").orElse("");
      if (!ROLES.contains(role)) {
        throw ApiError.badRequest(place + ".role", "a role is system, user or assistant");
      }
      messages.add(new Message(role, content(place + ".content", fields.get("content"))));
      fields.refuseOthers();
    }
    return messages;
  }

  /** A text, or a list of parts that are texts. */
  private static String content(String place, JsonNode node) {
    if (!node.isArray()) {
      return Fields.text(place, node);
    }
    var text = new StringBuilder();
    for (var part : node) {
      var fields = Fields.of(place, part);
      if (!fields.text("type").orElse("").equals("text")) {
        throw ApiError.badRequest(place, "content is text; other kinds are not supported");
      }
      text.append(fields.text("text").orElse(""));
      fields.refuseOthers();
    }
    return text.toString();
  }

  String render(List<Message> messages) {
    throw ApiError.refused(400, "no_chat_template", missing + ": use /v1/completions");
  }
}
