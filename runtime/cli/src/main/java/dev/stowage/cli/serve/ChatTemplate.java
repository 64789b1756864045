package dev.stowage.cli.serve;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.cli.jinja.Template;
import dev.stowage.cli.jinja.TemplateException;
import dev.stowage.plan.model.GgufModel;
import dev.stowage.plan.model.ModelFolder;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.runtime.text.Words;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** How a model wants messages to be written as a prompt. */
public final class ChatTemplate {
  private static final int MOST_MESSAGES = 1024;
  private static final long LARGEST = 16 << 20;
  private static final Set<String> ROLES = Set.of("system", "user", "assistant");

  private final Optional<Template> template;
  private final String missing;
  private final Map<String, Object> variables;

  private ChatTemplate(Optional<Template> template, String missing, Map<String, Object> variables) {
    this.template = template;
    this.missing = missing;
    this.variables = variables;
  }

  /** What one side says. */
  record Message(String role, String content) {}

  /**
   * The template that a model brings: {@code chat_template.jinja} or {@code tokenizer_config.json}
   * of a folder, or the metadata of a GGUF file. One that cannot be rendered is as good as none.
   *
   * @throws ModelFormatException if the model's files cannot be read
   */
  public static ChatTemplate of(ModelHeaders model, Words words) throws ModelFormatException {
    var variables = new HashMap<String, Object>();
    model.beginToken().ifPresent(id -> spell("bos_token", id, words, variables));
    model.endTokens().stream()
        .findFirst()
        .ifPresent(id -> spell("eos_token", id, words, variables));
    var text =
        switch (model) {
          case GgufModel gguf -> gguf.chatTemplate();
          case ModelFolder folder -> ofFolder(folder.path(), variables);
        };
    if (text.isEmpty()) {
      return none("the model has no chat template");
    }
    if (words.tokenizer().isEmpty()) {
      return none("the model has no tokenizer");
    }
    try {
      var made =
          new ChatTemplate(Optional.of(Template.parse(text.get())), "", Map.copyOf(variables));
      made.render(List.of(new Message("user", "a")));
      return made;
    } catch (TemplateException | ApiError e) {
      return none("its chat template cannot be used: " + e.getMessage());
    }
  }

  private static ChatTemplate none(String why) {
    return new ChatTemplate(Optional.empty(), why, Map.of());
  }

  private static void spell(String name, int id, Words words, Map<String, Object> variables) {
    words.tokenizer().flatMap(t -> t.token(id)).ifPresent(token -> variables.put(name, token));
  }

  private static Optional<String> ofFolder(Path folder, Map<String, Object> variables)
      throws ModelFormatException {
    var config = read(folder.resolve("tokenizer_config.json"));
    Optional<String> template = Optional.empty();
    if (config.isPresent()) {
      try {
        var node = Fields.MAPPER.readTree(config.get());
        for (var name : List.of("bos_token", "eos_token")) {
          var token =
              node.path(name).isObject() ? node.path(name).path("content") : node.path(name);
          if (token.isTextual()) {
            variables.put(name, token.textValue());
          }
        }
        template = named(node.path("chat_template"));
      } catch (JsonProcessingException e) {
        throw new ModelFormatException(
            "%s: tokenizer_config.json is not JSON: %s".formatted(folder, e.getOriginalMessage()),
            e);
      }
    }
    var alone = read(folder.resolve("chat_template.jinja"));
    return alone.isPresent() ? alone : template;
  }

  /** The template, or of several the one that is called default. */
  private static Optional<String> named(JsonNode node) {
    if (node.isArray()) {
      for (var each : node) {
        if (each.path("name").asText().equals("default")) {
          return Optional.ofNullable(each.path("template").textValue());
        }
      }
    }
    return Optional.ofNullable(node.textValue());
  }

  private static Optional<String> read(Path file) throws ModelFormatException {
    try {
      if (!Files.isRegularFile(file)) {
        return Optional.empty();
      }
      if (Files.size(file) > LARGEST) {
        throw new ModelFormatException("%s is larger than %d bytes".formatted(file, LARGEST));
      }
      return Optional.of(Files.readString(file));
    } catch (IOException e) {
      throw new ModelFormatException("%s cannot be read: %s".formatted(file, e), e);
    }
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

  /**
   * The prompt that messages make, up to where the model answers.
   *
   * @throws ApiError if there is no template, or the model's own objects
   */
  String render(List<Message> messages) {
    if (template.isEmpty()) {
      throw ApiError.refused(400, "no_chat_template", missing + ": use /v1/completions");
    }
    var all = new HashMap<>(variables);
    var list = new ArrayList<Object>();
    for (var message : messages) {
      var map = new LinkedHashMap<String, Object>();
      map.put("role", message.role());
      map.put("content", message.content());
      list.add(map);
    }
    all.put("messages", list);
    all.put("add_generation_prompt", true);
    try {
      return template.get().render(all);
    } catch (TemplateException e) {
      throw ApiError.badRequest("messages", "the model's chat template: " + e.getMessage());
    }
  }
}
