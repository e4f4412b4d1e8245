import Encoder

extension FineTuningSettings {
    var transfer: Transfer {
        var transfer = Transfer(frozenLayers: frozenLayers)
        transfer.layers = layers
        transfer.gradientDropping = gradientDropping
        transfer.sharedVectorSize = encoderVector
        transfer.adapters = adapterSize.map { AdapterConfiguration(size: $0, copies: adapterCopies) }
        return transfer
    }
}
