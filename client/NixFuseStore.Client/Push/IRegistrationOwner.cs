using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>Decides what becomes of the paths of a <see cref="RegistrationQueue{TWork}"/>. Called by its loop, one call at a time; must be quick.</summary>
internal interface IRegistrationOwner<in TWork>
    where TWork : RegistrationWork
{
    /// <summary>Asked when the path's turn comes. True: it is not to be registered any more, and has its outcome.</summary>
    bool IsSettled(TWork work);

    /// <summary>The server's word about a path. True: it has its outcome; false: it will be ready again.</summary>
    bool Settle(TWork work, RegisterPathResult result);

    /// <summary>Asked when a call failed, or when the path failed before its turn. True: it has its outcome; false: it is tried again. May throw, which ends the loop.</summary>
    /// <param name="work">The path.</param>
    /// <param name="exception">Why.</param>
    /// <param name="together">How many paths the call had: the failure may be the fault of any of them.</param>
    bool Fail(TWork work, Exception exception, int together);
}
