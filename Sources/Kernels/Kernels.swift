/// Numbers in, numbers out: the namespace of the compute kernels.
///
/// A kernel runs on the thread that calls it, is deterministic to the bit for equal inputs, and knows nothing of models.
/// Every fast kernel has a plain counterpart in the tests that it is compared with.
public enum Kernels {}
