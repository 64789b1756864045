package dev.stowage.runtime.device;

/** A device cannot do what a plan needs of it: its message is one line for the user. */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String device;

  /**
   * @param device the device's name in the plan
   * @param message what failed, in which operation, and what can be done
   */
  public DeviceException(String device, String message, Throwable cause) {
    super(device + ": " + message, cause);
    this.device = device;
  }

  public DeviceException(String device, String message) {
    this(device, message, null);
  }

  public String device() {
    return device;
  }
}
