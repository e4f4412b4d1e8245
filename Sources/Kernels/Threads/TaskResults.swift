/// One result a task of a parallel region, written without locks since every task has its own place.
public final class TaskResults<Value>: @unchecked Sendable {
    private let values: UnsafeMutableBufferPointer<Value?>

    public init(count: Int) {
        values = .allocate(capacity: count)
        values.initialize(repeating: nil)
    }

    deinit {
        values.deinitialize()
        values.deallocate()
    }

    public subscript(index: Int) -> Value? {
        get { values[index] }
        set { values[index] = newValue }
    }
}
