using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>A path that is to be registered.</summary>
/// <param name="number">Its place in the order in which referenced paths come first.</param>
/// <param name="info">What is to be recorded.</param>
internal abstract class RegistrationWork(long number, PathInfo info)
{
    internal long Number => number;

    internal PathInfo Info => info;

    /// <summary>What is sent to register it, once it is ready.</summary>
    internal NewPath? Message { get; set; }

    /// <summary>Whether a caller waits for it alone. Settled before it is ready.</summary>
    internal virtual bool IsUrgent => false;

    /// <summary>How many paths may be registered with it in one call, itself among them: fewer after a call that the server refused as a whole.</summary>
    internal int CompanionsMax { get; set; } = int.MaxValue;

    /// <summary>How often a call with it alone failed, other than for want of a server. Used by the queue's loop alone.</summary>
    internal int FailedCalls { get; set; }

    internal int MessageBytes => Message?.CalculateSize() ?? 0;
}
