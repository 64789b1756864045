package dev.stowage.csd.ftl;

/** A region asks for more flash or DRAM than the drive has left. */
public final class CapacityException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CapacityException(String message) {
    super(message);
  }
}
