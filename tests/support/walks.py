"""What a manifest, a ciphertext, a state and a change pass on their way, as data for `house`.

A line is `module function`. What stands deeper is called by the nearest line above that stands less deep, so that
a walk is read as the program runs: down into a call, on to the next one, back where the first has returned. A
method is `Class.method`; what a callback or a protocol hides is left out, and so is what never sees the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WALKS: Final[Mapping[str, str]] = {
    "manifest path": """
        cli.plan _online
            cli.plan _look
                cli.session signed_in
                    cli.session read_manifest
                        cli.session read_allowed
                            manifest.load load_manifest
                                manifest.load _read
                                manifest.yamltext parse
                                manifest.reading.stack includes
                                manifest.schema problems
                                manifest.reading.stack read
                                    manifest.reading.stack _manifest
                                        manifest.reading.stack _secrets
                                            manifest.reading.entries read_secret
                    cli.session _at_tenant
                        cli.session stack_of
                operations.plan look
                    operations.gather gather
                        operations.gather _people
                            planning.expand expand
                            planning.recipients lookups
                            planning.recipients resolve
                        operations.gather _read_sources
                            sources.reading SourceReader.look
                    operations.plan _decide
                        planning.moves move
                        operations.plan recovery_of
                            operations.plan _desire
                            planning.recovery recover
                        planning.selection check
                        planning.planner plan_changes
                            planning.moves move
                            planning.planner _evaluate
                                planning.evaluate evaluate
                                    planning.evaluate _of_desired
                                        planning.evaluate _decide
                                            planning.rules decide_desired
                                                planning.rules _asked_for
                                                    model.state Attributes.differences
                                        planning.evaluate _of_making
                                            planning.messages fewer_views
                                        planning.evaluate _of_keeping
                                            model.state Share.due
                                            planning.messages source_changed
                                        planning.evaluate _change
                            planning.planner _assemble
        """,
    "ciphertext of a text": """
        cli.apply _apply
            operations.apply apply
                operations.apply _carry_out
                    operations.execute Work.change_all
                        operations.execute Work._change_group
                            operations.execute Work._change
                                operations.execute Work._make
                                    operations.create create_share
                                        operations.create _fill
                                            operations.content send
                                                operations.content _send_text
                                                    sources.reading SourceReader.text
                                                    age.encryption encrypt_text
                                                        age.hybrid seal_text
                                                    c1.client Client.set_content
                                                        c1.wire content_request
                                                        c1.calls Exchange.call
                                                            c1.calls Exchange._send
                                                                http.session Session.send
        """,
    "ciphertext of a file": """
        cli.apply _apply
            operations.apply apply
                operations.apply _carry_out
                    operations.execute Work.change_all
                        operations.execute Work._change_group
                            operations.execute Work._change
                                operations.execute Work._make
                                    operations.create create_share
                                        operations.create _fill
                                            operations.content send
                                                operations.content _send_file
                                                    operations.content _put
                                                        sources.reading SourceReader.open
                                                        age.encryption encrypt_file
                                                            age.encryption _seal
                                                                age.hybrid seal
                                                        c1.upload Uploader.put
                                                            http.urls check_url
                                                            http.session Session.send
        """,
    "prior state": """
        cli.apply _apply
            operations.apply apply
                operations.stack Stack.load_with_key
                    operations.stack Stack.load_state
                        operations.stack load_state
                            storage.workdir Workdir.read_journal
                                storage.durable read_file
                                state.journal parse
                            storage.state_file StateFile.load
                                storage.durable read_file
                                state.statefile decode
                                    state.statefile _read
                                        state.records read_instance
                                            state.records read_share
                            state.ledger replay
                operations.plan look
                    operations.gather gather
                        operations.gather refuse_other_tenant
                        operations.refresh refresh
                            planning.recovery strangers
                        operations.gather _people
                            planning.recipients recorded
                            planning.recipients resolve
                    operations.plan _decide
                        planning.moves move
                        operations.plan _uids
                        operations.plan recovery_of
                            planning.recovery recover
                        planning.planner plan_changes
                            planning.status invisible
                            planning.moves move
                            planning.planner _evaluate
                                planning.planner _subject
                                    state.ledger Ledger.next_generation
                                planning.evaluate evaluate
                                    planning.scene stand_of
                                        planning.status as_seen
                                        planning.messages state_differs
                                        planning.status standing
                                    planning.evaluate _of_desired
                                        planning.evaluate _compare
                                            model.plan Value.of
                                        planning.evaluate _decide
                                            planning.rules decide_desired
                                                planning.rules _asked_for
                                                    model.state Attributes.differences
                            planning.planner _remembered
                operations.apply _refuse
                    operations.apply _refuse_the_unseen
                        operations.gather refuse_other_identity
                        planning.status invisible
                operations.apply _carry_out
                    operations.apply _claimed
                        storage.state_file StateFile.save
                            state.statefile encode
                                state.records instance_record
                            storage.durable replace
        """,
    "change -> text": """
        cli.plan plan_command
            cli.plan _online
                cli.plan _look
                    operations.plan look
                        operations.plan _decide
                            planning.planner plan_changes
                                planning.planner _evaluate
                                    planning.evaluate evaluate
                                        planning.evaluate _of_desired
                                            planning.evaluate _change
                                planning.planner _assemble
                            planning.selection narrow
            cli.output print_plan
                cli.output rendered
                    cli.output _text
                        render.view make_view
                            render.rows first_seen
                            render.rows make_row
                                display clean
                                display duration
                                render.rows _why
                                    render.rows _sentences
                                render.rows _details
                            render.people groups_of
                                render.people _people
                                    model.plan access
                            render.view _remarks
                            render.view summary_line
                        render.text render
                            render.text _Page.lines
                                render.text _Page.text
                                    layout wrap
                                        layout columns
        """,
}

BEFORE: Final = "8636680"
"""The last commit before the rooms."""

WALKS_BEFORE: Final[Mapping[str, str]] = {
    "manifest path": """
        cli.plan _online
            cli.plan _look
                cli.session sign_in
                    cli.session load
                        files load_manifest
                            files _read
                            yamltext parse
                            manifestfile.stack includes
                            schema problems
                            manifestfile.stack read
                                manifestfile.stack _manifest
                                    manifestfile.stack _secrets
                                        manifestfile.entries read_secret
                    cli.session _at_tenant
                        cli.session stack_of
                operations.look look
                    operations.gather gather
                        operations.gather _people
                            expand expand
                            recipients lookups
                            recipients resolve
                        operations.gather _read_sources
                            sources.reading SourceReader.look
                    operations.look _decide
                        moves move
                        operations.look heal
                            operations.look _desire
                            recovery heal
                        selection check
                        planner plan_changes
                            moves move
                            planner _judge
                                verdicts judge_wanted
                                    decisions decide
                                        decisions _asked_for
                                            compare changed
                                    verdicts _check_making
                                        notes fewer_views
                                    verdicts _check_keeping
                                        compare due
                                        notes source_changed
                                    verdicts _change
                            planner _assemble
        """,
    "ciphertext of a text": """
        cli.apply _apply
            operations.apply apply
                operations.apply _carry_out
                    operations.work Work.change_all
                        operations.work Work._change_group
                            operations.work Work._change
                                operations.work Work._make
                                    operations.write make
                                        operations.write _fill
                                            operations.send send
                                                operations.send _send_text
                                                    sources.reading SourceReader.text
                                                    age.encryption encrypt_text
                                                        age.hybrid seal_text
                                                    client Client.set_content
                                                        wire content_request
                                                        exchange Exchange.call
                                                            exchange Exchange._send
                                                                http Session.send
        """,
    "ciphertext of a file": """
        cli.apply _apply
            operations.apply apply
                operations.apply _carry_out
                    operations.work Work.change_all
                        operations.work Work._change_group
                            operations.work Work._change
                                operations.work Work._make
                                    operations.write make
                                        operations.write _fill
                                            operations.send send
                                                operations.send _send_file
                                                    operations.send _put
                                                        sources.reading SourceReader.open
                                                        age.encryption encrypt_file
                                                            age.encryption _seal
                                                                age.hybrid seal
                                                        upload Uploader.put
                                                            destination check_url
                                                            http Session.send
        """,
    "prior state": """
        cli.apply _apply
            operations.apply apply
                operations.look look
                    operations.gather gather
                        operations.offline remembered
                            workdir Workdir.read_journal
                                durable read
                                journal parse
                            backends.path PathBackend.load
                                durable read
                                statefile decode
                                    statefile _read
                                        records read_instance
                                            records read_object
                            ledger replay
                        operations.gather refuse_other_tenant
                        operations.refresh refresh
                            recovery strangers
                        operations.gather _people
                            recipients recorded
                            recipients resolve
                    operations.look _decide
                        moves move
                        operations.look _uids
                        operations.look heal
                            recovery heal
                        planner plan_changes
                            condition invisible
                            moves move
                            planner _judge
                                ledger Ledger.next_generation
                                verdicts judge_wanted
                                    verdicts _look
                                        condition standing
                                        verdicts _held_against_the_tenant
                                            condition as_seen
                                                readback as_seen
                                            notes state_differs
                                    verdicts _compare
                                        compare value
                                    decisions decide
                                        decisions _asked_for
                                            compare changed
                                    condition vouched_for
                                        tags find
                            planner _remembered
                operations.apply _refuse
                    operations.apply _refuse_the_unseen
                        operations.gather refuse_other_identity
                        condition invisible
                operations.apply _carry_out
                    operations.apply _claimed
                        backends.path PathBackend.save
                            statefile encode
                                records instance_record
                            durable replace
        """,
    "change -> text": """
        cli.plan plan_command
            cli.plan _online
                cli.plan _look
                    operations.look look
                        operations.look _decide
                            planner plan_changes
                                planner _judge
                                    verdicts judge_wanted
                                        verdicts _change
                                planner _assemble
                            selection narrow
            cli.formats print_plan
                cli.formats rendered
                    view make
                        rows first_seen
                        rows make_row
                            words clean
                            words duration
                            rows _reason
                            rows _details
                                compare changed
                        plan access
                        view _decisive
                        view _remarks
                            words counted
                        view summary_line
                    render.text render
        """,
}
