package dev.stowage.dsl.ide;

import dev.stowage.dsl.Formatter;
import java.util.List;
import org.eclipse.lsp4j.FormattingOptions;
import org.eclipse.lsp4j.TextEdit;
import org.eclipse.xtext.ide.server.Document;
import org.eclipse.xtext.ide.server.formatting.FormattingService;
import org.eclipse.xtext.resource.XtextResource;

/**
 * Lays a file or a part of it out as {@link Formatter} does everywhere else, whatever the editor's
 * own habits are.
 */
public class LayoutService extends FormattingService {

  @Override
  public List<TextEdit> format(
      XtextResource resource,
      Document document,
      int offset,
      int length,
      FormattingOptions options) {
    return Formatter.edits(resource).orElse(List.of()).stream()
        .filter(edit -> edit.span().offset() >= offset)
        .filter(edit -> edit.span().offset() + edit.span().length() <= offset + length)
        .map(
            edit ->
                toTextEdit(document, edit.newText(), edit.span().offset(), edit.span().length()))
        .toList();
  }
}
