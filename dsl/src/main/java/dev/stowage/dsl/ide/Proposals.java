package dev.stowage.dsl.ide;

import dev.stowage.dsl.Library;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Link;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.AbstractRule;
import org.eclipse.xtext.Assignment;
import org.eclipse.xtext.GrammarUtil;
import org.eclipse.xtext.Keyword;
import org.eclipse.xtext.RuleCall;
import org.eclipse.xtext.ide.editor.contentassist.ContentAssistContext;
import org.eclipse.xtext.ide.editor.contentassist.ContentAssistEntry;
import org.eclipse.xtext.ide.editor.contentassist.IIdeContentProposalAcceptor;
import org.eclipse.xtext.ide.editor.contentassist.IdeContentProposalProvider;

/**
 * Completion: keywords and names come from the grammar; the words it leaves open come from the
 * vocabulary.
 */
public class Proposals extends IdeContentProposalProvider {
  /** Rules that list keywords only to let them be names. */
  private static final Set<String> NAME_RULES =
      Set.of("Name", "Word", "SegmentName", "QualifiedName", "ShapeName");

  @Override
  protected boolean filterKeyword(Keyword keyword, ContentAssistContext context) {
    AbstractRule rule = GrammarUtil.containingRule(keyword);
    return !NAME_RULES.contains(rule.getName()) && Character.isLetter(keyword.getValue().charAt(0));
  }

  @Override
  protected void _createProposals(
      Assignment assignment, ContentAssistContext context, IIdeContentProposalAcceptor acceptor) {
    if (!(assignment.getTerminal() instanceof RuleCall)) {
      super._createProposals(assignment, context, acceptor);
      return;
    }
    String place = GrammarUtil.containingRule(assignment).getName() + "." + assignment.getFeature();
    switch (place) {
      case "Property.name" -> words(properties(context.getCurrentModel()), context, acceptor);
      case "WorkloadItem.name" -> words(Vocabulary.workloadItems(), context, acceptor);
      case "Metric.name" -> words(Vocabulary.metrics(), context, acceptor);
      case "Param.type" -> words(Vocabulary.paramTypes(), context, acceptor);
      case "ModelOption.name" -> words(Vocabulary.MODEL_OPTIONS, context, acceptor);
      case "ModelOption.word" -> words(Vocabulary.DTYPES, context, acceptor);
      case "Property.precision" -> words(Vocabulary.DTYPES, context, acceptor);
      case "Order.order" -> words(Vocabulary.ORDERS, context, acceptor);
      case "Sparse.method" -> words(Vocabulary.SPARSE_METHODS, context, acceptor);
      case "Approximate.metric" -> words(Vocabulary.LOSS_METRICS, context, acceptor);
      case "WriteBack.action" -> words(List.of("write-back"), context, acceptor);
      case "Segment.name" -> words(Vocabulary.MODEL_PARTS, context, acceptor);
      case "Import.importURI" ->
          words(
              Library.entries().stream().map(entry -> '"' + entry + '"').toList(),
              context,
              acceptor);
      default -> {}
    }
  }

  private static Map<String, Vocabulary.Entry> properties(EObject at) {
    for (EObject owner = at; owner != null; owner = owner.eContainer()) {
      switch (owner) {
        case Device device -> {
          return Vocabulary.deviceProperties(device.getKind());
        }
        case DeviceType type -> {
          return Vocabulary.deviceProperties(type.getKind());
        }
        case Link _ -> {
          return Vocabulary.linkProperties();
        }
        default -> {}
      }
    }
    return Map.of();
  }

  private void words(
      Map<String, Vocabulary.Entry> words,
      ContentAssistContext context,
      IIdeContentProposalAcceptor acceptor) {
    words.forEach((word, entry) -> accept(word, entry.meaning(), context, acceptor));
  }

  private void words(
      List<String> words, ContentAssistContext context, IIdeContentProposalAcceptor acceptor) {
    words.forEach(word -> accept(word, null, context, acceptor));
  }

  private void accept(
      String word,
      String meaning,
      ContentAssistContext context,
      IIdeContentProposalAcceptor acceptor) {
    ContentAssistEntry entry =
        getProposalCreator()
            .createProposal(
                word,
                context,
                ContentAssistEntry.KIND_PROPERTY,
                it -> it.setDocumentation(meaning));
    if (entry != null) {
      acceptor.accept(entry, getProposalPriorities().getDefaultPriority(entry));
    }
  }
}
