package dev.stowage.dsl;

import java.util.List;
import java.util.Optional;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EStructuralFeature;
import org.eclipse.emf.ecore.resource.Resource;
import org.eclipse.xtext.nodemodel.INode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;
import org.eclipse.xtext.util.LineAndColumn;

/** Finds the text that an object of the tree, or one part of it, was read from. */
public final class Spans {
  private Spans() {}

  /**
   * The whole text of an object, without the blanks and comments before it.
   *
   * @throws IllegalArgumentException when the object was not read from a text
   */
  public static SourceSpan of(EObject object) {
    INode node = NodeModelUtils.findActualNodeFor(object);
    if (node == null) {
      throw new IllegalArgumentException("has no text: " + object);
    }
    return of(node, object.eResource());
  }

  /** What an object was read from, without comments and with single blanks. */
  public static String text(EObject object) {
    return NodeModelUtils.getTokenText(NodeModelUtils.findActualNodeFor(object));
  }

  /** The whole text that an object was read from, with everything around it. */
  public static String source(EObject object) {
    return NodeModelUtils.findActualNodeFor(object).getRootNode().getText();
  }

  /** The text of one feature of an object; of its first value when there are many. */
  public static Optional<SourceSpan> of(EObject object, EStructuralFeature feature) {
    return of(object, feature, 0);
  }

  /** The text of the value at {@code index} of a feature that holds many. */
  public static Optional<SourceSpan> of(EObject object, EStructuralFeature feature, int index) {
    List<INode> nodes = NodeModelUtils.findNodesForFeature(object, feature);
    return index < nodes.size()
        ? Optional.of(of(nodes.get(index), object.eResource()))
        : Optional.empty();
  }

  /** The empty span where the line ends in which an object does. */
  public static SourceSpan endOfLine(EObject object) {
    INode node = NodeModelUtils.findActualNodeFor(object);
    INode root = node.getRootNode();
    int end = root.getText().indexOf('\n', node.getEndOffset());
    return at(root, object.eResource(), end < 0 ? root.getTotalLength() : end, 0);
  }

  /** The text of a node of a file. */
  public static SourceSpan of(INode node, Resource resource) {
    return at(node, resource, node.getOffset(), node.getLength());
  }

  /** Any stretch of the text that {@code node} belongs to. */
  static SourceSpan at(INode node, Resource resource, int offset, int length) {
    LineAndColumn start = NodeModelUtils.getLineAndColumn(node, offset);
    return new SourceSpan(
        Library.displayName(resource.getURI()), offset, length, start.getLine(), start.getColumn());
  }
}
