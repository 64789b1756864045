package dev.stowage.cli.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** How an answer is written: OpenAI's completions, or chat completions. */
enum Form {
  COMPLETION("cmpl-", "text_completion", "text_completion") {
    @Override
    void whole(ObjectNode node, String text) {
      node.put("text", text);
    }

    @Override
    void piece(ObjectNode node, String text, boolean first, boolean last) {
      node.put("text", text);
    }

    @Override
    ObjectNode logprobs(List<Choice.Told> told, TokenNames names) {
      var node = JsonNodeFactory.instance.objectNode();
      var tokens = node.putArray("tokens");
      var logprobs = node.putArray("token_logprobs");
      var top = node.putArray("top_logprobs");
      var offsets = node.putArray("text_offset");
      for (var token : told) {
        tokens.add(token.text());
        offsets.add(token.offset());
        if (token.logprob().isEmpty()) {
          logprobs.addNull();
          top.addNull();
        } else {
          logprobs.add(token.logprob().get().logprob());
          var likeliest = top.addObject();
          for (var candidate : token.logprob().get().likeliest()) {
            var name = names.name(candidate.id());
            if (!likeliest.has(name)) { // of two with the same text, the likelier
              likeliest.put(name, candidate.logprob());
            }
          }
        }
      }
      return node;
    }
  },

  CHAT("chatcmpl-", "chat.completion", "chat.completion.chunk") {
    @Override
    void whole(ObjectNode node, String text) {
      node.putObject("message").put("role", "assistant").put("content", text);
    }

    @Override
    void piece(ObjectNode node, String text, boolean first, boolean last) {
      var delta = node.putObject("delta");
      if (first) {
        delta.put("role", "assistant");
      }
      if (!last || !text.isEmpty()) {
        delta.put("content", text);
      }
    }

    @Override
    ObjectNode logprobs(List<Choice.Told> told, TokenNames names) {
      var node = JsonNodeFactory.instance.objectNode();
      var content = node.putArray("content");
      for (var token : told) {
        var entry = content.addObject();
        var logprob = token.logprob().orElseThrow();
        token(entry, names.name(token.id()), logprob.logprob());
        var top = entry.putArray("top_logprobs");
        for (var candidate : logprob.likeliest()) {
          token(top.addObject(), names.name(candidate.id()), candidate.logprob());
        }
      }
      return node;
    }

    private void token(ObjectNode entry, String name, double logprob) {
      entry.put("token", name).put("logprob", logprob);
      bytes(entry.putArray("bytes"), name);
    }

    private void bytes(ArrayNode array, String text) {
      for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
        array.add(b & 0xff);
      }
    }
  };

  private final String prefix;
  private final String object;
  private final String chunk;

  Form(String prefix, String object, String chunk) {
    this.prefix = prefix;
    this.object = object;
    this.chunk = chunk;
  }

  String prefix() {
    return prefix;
  }

  String object(boolean stream) {
    return stream ? chunk : object;
  }

  /** Adds the text of a whole choice. */
  abstract void whole(ObjectNode node, String text);

  /** Adds a piece of a choice's text. */
  abstract void piece(ObjectNode node, String text, boolean first, boolean last);

  abstract ObjectNode logprobs(List<Choice.Told> told, TokenNames names);
}
