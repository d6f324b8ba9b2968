"""Who can use the page: by the keyboard, on a phone, with a screen reader, without demo users."""

from lib.http_client import expect


def keyboard_alone_signs_in(page):
    """a sign-in by the keyboard alone, with a focus that can be seen at each step"""
    tab = page.tab()
    tab.open("emailSignIn")
    focused = "document.activeElement"
    for _ in range(80):
        tab.tab.keyboard.press("Tab")
        outline = tab.tab.evaluate(f"getComputedStyle({focused}).outlineStyle")
        expect(outline != "none", True, f"the outline of {tab.tab.evaluate(f'{focused}.outerHTML.slice(0, 80)')}")
        if tab.tab.evaluate(f"{focused}.labels?.[0]?.innerText ?? ''").startswith("password"):
            tab.tab.keyboard.press("Control+a")
            tab.tab.keyboard.type("SecurePass123!")
        if tab.tab.evaluate(f"{focused}.textContent") == "Send":
            break
    with tab.tab.expect_response("**/api/sign-in/") as response:
        tab.tab.keyboard.press("Enter")
    tab.reply(response.value, 200)
    tab.tab.locator("[aria-live]", has_text="Reply: 200").wait_for(state="attached")
    tab.tab.wait_for_function(f"{focused}.textContent == 'Send'")
    tab.tab.keyboard.press("Tab")
    expect(tab.tab.evaluate(f"{focused}.closest('.follow') !== null"), True, "what follows comes after Send")
    tab.tab.keyboard.press("Enter")
    tab.tab.wait_for_function(f"{focused}.tagName == 'H2'")
    tab.close()


def pages_are_accessible(page):
    """axe finds nothing at any form and reply, in a light and a dark theme; a phone's page does not scroll sideways"""
    for theme, width, height in [("light", 1400, 1000), ("dark", 800, 1000), ("dark", 360, 740)]:
        tab = page.tab(color_scheme=theme, viewport={"width": width, "height": height})
        tab.open("emailSignIn")
        for operation in page.operations:
            tab.go(operation)
            tab.tab.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
            tab.expect_no_horizontal_scroll(f"{operation} at {width} px")
            if theme == "light":
                page.axe(tab, operation)
        tab.open("emailSignIn")
        page.picture(tab, f"{theme}-{width}-form")
        tab.send(200)
        tab.expect_no_horizontal_scroll(f"a reply at {width} px")
        page.axe(tab, f"a reply, {theme}, {width} px")
        page.picture(tab, f"{theme}-{width}-reply")
        tab.choose("Example", "unknown-user")
        tab.send(404)
        page.axe(tab, f"a refusal, {theme}, {width} px")
        tab.close()


def works_without_demo_users(page):
    """without demo users the page says so, and still sends what is typed"""
    tab = page.tab_without_users()
    tab.open("emailSignIn")
    tab.tab.get_by_text("This table has no demo users.").wait_for()
    expect(tab.send(404).body, {"error": "User does not exist."}, "the user of the example")
    page.picture(tab, "no-demo-users")
    tab.close()


JOURNEYS = [keyboard_alone_signs_in, pages_are_accessible, works_without_demo_users]
