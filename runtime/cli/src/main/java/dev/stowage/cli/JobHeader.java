package dev.stowage.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;

/**
 * What a file of results belongs to: the first line in it.
 *
 * @param requests how many there are
 * @param fileSha256 of the requests' file
 * @param requestsSha256 of all requests as they are carried out: token ids, limits, sampling
 * @param planSha256 of the plan and its schedule
 */
record JobHeader(int requests, String fileSha256, String requestsSha256, String planSha256) {
  private static final int VERSION = 1;

  ObjectNode json() {
    return Json.MAPPER
        .createObjectNode()
        .put("stowage_job", VERSION)
        .put("requests", requests)
        .put("requests_file_sha256", fileSha256)
        .put("requests_sha256", requestsSha256)
        .put("plan_sha256", planSha256);
  }

  static boolean isOne(JsonNode node) {
    return node.path("stowage_job").isInt();
  }

  /** Refuses results of anything else. */
  void requireSame(Path results, JsonNode other) {
    String changed = null;
    if (other.get("stowage_job").intValue() != VERSION) {
      changed = "another version of Stowage";
    } else if (!other.path("requests_file_sha256").asText().equals(fileSha256)) {
      changed = "another file of requests, or one that has been changed since";
    } else if (!other.path("requests_sha256").asText().equals(requestsSha256)
        || other.path("requests").asInt() != requests) {
      changed = "the same requests with other options or another tokenizer";
    } else if (!other.path("plan_sha256").asText().equals(planSha256)) {
      changed = "another plan, or one that has been changed since";
    }
    if (changed != null) {
      throw Failure.usage(
          "%s has results of %s; to begin anew, give another --output".formatted(results, changed));
    }
  }
}
