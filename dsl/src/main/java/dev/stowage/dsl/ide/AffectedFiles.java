package dev.stowage.dsl.ide;

import java.util.Collection;
import org.eclipse.xtext.resource.IResourceDescription;
import org.eclipse.xtext.resource.IResourceDescriptions;
import org.eclipse.xtext.resource.impl.DefaultResourceDescriptionManager;

/**
 * Which files are checked again when others change: all, since a plan may use any value of what it
 * imports.
 */
public class AffectedFiles extends DefaultResourceDescriptionManager {

  @Override
  public boolean isAffected(
      Collection<IResourceDescription.Delta> deltas,
      IResourceDescription candidate,
      IResourceDescriptions context) {
    return deltas.stream().anyMatch(delta -> !delta.getUri().equals(candidate.getURI()));
  }
}
