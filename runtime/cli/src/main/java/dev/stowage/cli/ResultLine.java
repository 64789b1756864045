package dev.stowage.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.runtime.session.Completion;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.text.Continuation;

/** What became of one request, as JSON. */
final class ResultLine {
  private ResultLine() {}

  /** Adds the tokens, the text and why it ended; ends the continuation. */
  static void add(
      ObjectNode node, Request request, Completion completion, Continuation continuation) {
    var promptIds = node.putArray("prompt_ids");
    for (int id : request.prompt()) {
      promptIds.add(id);
    }
    completion.output().forEach(node.putArray("output_ids")::add);
    continuation.finish();
    if (continuation.hasText()) {
      node.put("text", continuation.text());
    } else {
      node.putNull("text");
    }
    node.put("finish_reason", completion.finish().word());
    if (request.logprobs().isPresent()) {
      var logprobs = node.putArray("logprobs");
      for (int i = 0; i < completion.output().size(); i++) {
        var token = completion.logprobs().get(i);
        var entry = logprobs.addObject();
        entry.put("id", completion.output().get(i)).put("logprob", token.logprob());
        var top = entry.putArray("top");
        for (var candidate : token.likeliest()) {
          top.addObject().put("id", candidate.id()).put("logprob", candidate.logprob());
        }
      }
    }
  }
}
