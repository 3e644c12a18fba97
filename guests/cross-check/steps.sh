# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034,SC2154 # dom0/run sources this

guests="one two three"

# held N: waits until every guest is in its N-th hold. One that has ended, or is not in it in
# 100 s, has an outcome that says what is wrong.
held()
{
	for guest in $guests; do
		await "$guest" "window: hold $1" || :
	done
	# A guest prints its line just before it holds.
	sleep 1
}

# Ends the hold of all guests. Any event of xenstore does that.
release()
{
	for guest in $guests; do
		# A guest that crashed has no domid; finish records that.
		domid=$(xl domid "$arm.$scenario.$guest") || continue
		xenstore-write "/local/domain/$domid/control/shutdown" ""
	done
}

# counts GUEST VIEW DOMID: writes the batches of that domain in the window to GUEST.VIEW.json.
counts()
{
	name=$results/$arm.$scenario
	if [ "$2" = trace ]; then
		jq --argjson domid "$3" -f "$work/guests/cross-check/batches.jq" \
			"$name.window.trace.json" >"$name.$1.trace.json"
	else
		jq --argjson domid "$3" -f "$work/guests/cross-check/batches.jq" \
			"$name.before.hypfs.json" "$name.after.hypfs.json" |
			jq -s -f "$work/guests/cross-check/difference.jq" >"$name.$1.hypfs.json"
	fi
}

for guest in $guests; do
	create "$guest" 1
done
held 1
[ "$views" = trace ] || hypfs_record before
trace_begin
release
held 2
trace_end window
[ "$views" = trace ] || hypfs_record after
for guest in $guests; do
	domid=$(xl domid "$arm.$scenario.$guest") || continue
	for view in $views; do
		counts "$guest" "$view" "$domid"
	done
done
release
for guest in $guests; do
	finish "$guest" once
	[ "$outcome" = pass ] || continue
	console "$guest" | tr -d '\r' | sed -n 's/^window: {/{/p' |
		jq -f "$work/guests/cross-check/batches.jq" >"$results/$arm.$scenario.$guest.guest.json"
	for view in $views; do
		agree "$guest" "$view" "$guest.guest" "$guest.$view"
	done
done
