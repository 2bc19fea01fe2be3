using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Pushing;

/// <summary>A path that is to be registered.</summary>
/// <param name="number">Its place in the order in which referenced paths come first.</param>
/// <param name="info">What is to be recorded.</param>
internal abstract class RegistrationWork(long number, PathInfo info)
{
    internal long Number => number;

    internal PathInfo Info => info;

    /// <summary>What is sent to register it, once it is ready.</summary>
    internal NewPath? Message { get; set; }

    /// <summary>Whether somebody waits for it alone. Settled before it is ready.</summary>
    internal virtual bool IsUrgent => false;

    internal int MessageBytes => Message?.CalculateSize() ?? 0;
}
