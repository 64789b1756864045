package dev.stowage.lsp;

import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Selector;
import java.nio.file.Path;
import java.util.List;
import org.eclipse.lsp4j.InlayHint;
import org.eclipse.lsp4j.Position;
import org.eclipse.lsp4j.Range;
import org.eclipse.lsp4j.jsonrpc.messages.Either;
import org.eclipse.xtext.EcoreUtil2;
import org.eclipse.xtext.ide.server.Document;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;
import org.eclipse.xtext.resource.XtextResource;

/** What each selector selects, shown behind it: {@code layers[0..3].mlp 8 matrices, 18.0 MiB}. */
final class SelectorHints {
  private SelectorHints() {}

  static List<InlayHint> of(XtextResource resource, Document document, Range range) {
    if (!resource.getURI().isFile()
        || resource.getContents().isEmpty()
        || !(resource.getContents().getFirst() instanceof Script script)) {
      return List.of();
    }
    var sizes = new SelectorSizes();
    var file = Path.of(resource.getURI().toFileString()).toAbsolutePath();
    return EcoreUtil2.eAllOfType(script, Selector.class).stream()
        .filter(selector -> isIn(range, end(selector, document)))
        .flatMap(
            selector ->
                sizes.describe(selector, script, file).stream()
                    .map(words -> hint(end(selector, document), words)))
        .toList();
  }

  private static Position end(Selector selector, Document document) {
    return document.getPosition(NodeModelUtils.findActualNodeFor(selector).getEndOffset());
  }

  private static boolean isIn(Range range, Position position) {
    return range.getStart().getLine() <= position.getLine()
        && position.getLine() <= range.getEnd().getLine();
  }

  private static InlayHint hint(Position position, String words) {
    var hint = new InlayHint(position, Either.forLeft(words));
    hint.setPaddingLeft(true);
    return hint;
  }
}
