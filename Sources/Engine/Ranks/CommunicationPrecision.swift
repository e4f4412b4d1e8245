/// In which form gradients are added up and updates handed out, on one machine as on several: so that bits do not depend on how
/// many there are.
public enum CommunicationPrecision: String, CaseIterable, Sendable {
    case float32
    /// Sums of lanes are rounded to bfloat16 before they are added to others, and what weights move by before they move: half the
    /// bytes between machines.
    case bfloat16
}
